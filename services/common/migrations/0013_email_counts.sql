-- How many mails of each template were sent, and how many of them were opened: counted by the mail, so that what is stored
-- twice counts once. Who reports mails of another mailer counts once a contact.
CREATE TABLE IF NOT EXISTS email_counts
(
    email_id UInt64,
    sent AggregateFunction(uniq, String),
    opened AggregateFunction(uniq, String)
)
ENGINE = AggregatingMergeTree
ORDER BY email_id;

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS email_counts_from_events TO email_counts AS
SELECT
    JSONExtractUInt(query, 'stat', 'emailId') AS email_id,
    uniqIfState(if(JSONExtractString(query, 'stat', 'id') != '',
        JSONExtractString(query, 'stat', 'id'), toString(contact_id)), type = 'email.sent') AS sent,
    uniqIfState(if(JSONExtractString(query, 'stat', 'source', 1) = 'mail',
        JSONExtractString(query, 'stat', 'source', 2), toString(contact_id)), type = 'email.read') AS opened
FROM events
WHERE type IN ('email.sent', 'email.read') AND JSONExtractUInt(query, 'stat', 'emailId') != 0
GROUP BY email_id;
