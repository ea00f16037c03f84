-- Active is who does something; a mail that was sent, or a segment that was entered, is no sign of life.
ALTER TABLE activity_from_events MODIFY QUERY
SELECT contact_id, min(time) AS first_seen, max(time) AS last_active
FROM events
WHERE type IN ('page.hit', 'page.leave', 'page.videohit', 'form.submitted', 'email.read', 'email.replied', 'sms_reply', 'asset.download')
GROUP BY contact_id;
