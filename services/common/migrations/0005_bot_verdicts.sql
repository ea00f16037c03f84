-- A bot's hit is kept as it came, so that it can be judged anew.
ALTER TABLE bot_events ADD COLUMN IF NOT EXISTS verdict LowCardinality(String);

-- statement
ALTER TABLE bot_events ADD COLUMN IF NOT EXISTS raw String CODEC(ZSTD(1));
