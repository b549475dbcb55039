-- What the erasure of one address asks of the database. Addresses come in lower case.

-- name: messages_to
SELECT id, lower(recipient) = :address FROM messages WHERE id > :after ORDER BY id LIMIT :most::bigint;

-- name: standing
-- Of each message: its email, state, attempts and fence, and how many messages that email has.
SELECT m.id, m.email_id, coalesce(o.state, m.state), coalesce(o.attempts, m.attempts), coalesce(o.lease, m.lease),
    CASE WHEN m.id = m.email_id THEN 1
        ELSE (SELECT count(*) FROM messages s WHERE s.email_id = m.email_id AND s.email_id <> s.id) END
FROM messages m
LEFT JOIN outbox o ON o.id = m.id AND o.id = ANY (:id::text[])
WHERE m.id = ANY (:id::text[]) AND lower(m.recipient) = :address;

-- name: erase_messages
UPDATE messages SET recipient = :nobody, variables = NULL, provider_ref = NULL,
    reason = CASE WHEN strpos(lower(reason), :address) > 0 THEN :nobody ELSE reason END
WHERE id = ANY (:id::text[]);

-- name: erase_attempts
UPDATE attempts SET
    reason = CASE WHEN strpos(lower(reason), :address) > 0 THEN :nobody ELSE reason END,
    answer = CASE WHEN strpos(lower(answer), :address) > 0 THEN :nobody ELSE answer END
WHERE message_id = ANY (:id::text[]);

-- name: erase_events
-- Where from and with what a person read a mail is personal too.
UPDATE events SET facts = '{}', recipient = :nobody, reference = NULL WHERE message_id = ANY (:id::text[]);

-- name: emails
SELECT id, recipients, extras, row FROM emails WHERE id = ANY (:id::text[]) ORDER BY id FOR UPDATE;

-- name: rewrite_emails
UPDATE emails SET recipients = j.recipients, extras = j.extras, row = j.row
FROM json_to_recordset(:rows::json) AS j (id text, recipients text, extras text, row text)
WHERE emails.id = j.id;

-- name: blank_emails
UPDATE emails SET subject = '', extras = NULL WHERE id = ANY (:id::text[]);

-- name: drop_contents
DELETE FROM contents WHERE id = ANY (:id::text[]);

-- name: drop_sole_files
-- At once, not when their time is over; what another email carries too stays for that one.
DELETE FROM attachments WHERE sha256 IN (
    SELECT u.sha256 FROM attachment_uses u WHERE u.email_id = ANY (:id::text[]))
    AND NOT EXISTS (
        SELECT 1 FROM attachment_uses other WHERE other.sha256 = attachments.sha256
            AND other.email_id <> ALL (:id::text[]));

-- name: drop_uses
DELETE FROM attachment_uses WHERE email_id = ANY (:id::text[]);

-- name: mentions
SELECT id, coalesce(strpos(lower(extras), :address), 0) > 0 FROM emails
WHERE id > :after ORDER BY id LIMIT :most::bigint;

-- name: unfinished_of
SELECT id FROM outbox WHERE id = ANY (:id::text[]) AND email_id = id
UNION
SELECT m.email_id FROM messages m
WHERE m.email_id = ANY (:id::text[]) AND m.email_id <> m.id
    AND (SELECT o.id FROM outbox o WHERE o.id = m.id) IS NOT NULL;

-- name: campaign_rows_of
SELECT campaign, row FROM campaign_rows WHERE strpos(lower(row), :address) > 0;

-- name: hide_campaign_rows
-- A digest in its place: the campaign still sends to nobody twice, and the row says nobody's name.
WITH j AS MATERIALIZED (
    SELECT * FROM json_to_recordset(:rows::json) AS r (campaign text, row text, hidden text)
), gone AS (
    DELETE FROM campaign_rows c USING j WHERE c.campaign = j.campaign AND c.row = j.row
    RETURNING c.campaign, j.hidden, c.email_id
)
INSERT INTO campaign_rows (campaign, row, email_id) SELECT campaign, hidden, email_id FROM gone
ON CONFLICT DO NOTHING;

-- name: callbacks_of
SELECT seq, body FROM callbacks
WHERE strpos(lower(body), :address) > 0 OR strpos(lower(body), :in_form) > 0 OR strpos(lower(body), :in_json) > 0;

-- name: blank_callbacks
-- That it came stays known; its key keeps a repeat out.
UPDATE callbacks SET body = '{}', note = '' WHERE seq = ANY (:seqs::bigint[]);

-- name: unmatched_of
SELECT id, coalesce(recipient, ''), facts FROM unmatched
WHERE recipient = :address OR strpos(lower(facts), :address) > 0;

-- name: drop_unmatched
DELETE FROM unmatched WHERE id = ANY (:id::text[]);

-- name: drop_bounces
DELETE FROM transient_bounces WHERE address = :address;

-- name: alerts_of
SELECT id, facts, title, body FROM alerts WHERE strpos(lower(facts || title || body), :address) > 0;

-- name: rewrite_alerts
UPDATE alerts SET facts = j.facts, title = j.title, body = j.body
FROM json_to_recordset(:rows::json) AS j (id text, facts text, title text, body text)
WHERE alerts.id = j.id;

-- name: notices_of
SELECT alert_id, channel, purpose, title, body, answer FROM alert_deliveries
WHERE strpos(lower(title || body || answer), :address) > 0;

-- name: rewrite_notices
UPDATE alert_deliveries d SET title = j.title, body = j.body, answer = j.answer
FROM json_to_recordset(:rows::json) AS j (alert_id text, channel text, purpose text, title text, body text, answer text)
WHERE d.alert_id = j.alert_id AND d.channel = j.channel AND d.purpose = j.purpose;

-- name: answers_of
SELECT owner, route, key, answer FROM idempotency WHERE strpos(lower(answer), :address) > 0;

-- name: drop_answers
DELETE FROM idempotency i
USING json_to_recordset(:rows::json) AS j (owner text, route text, key text)
WHERE i.owner = j.owner AND i.route = j.route AND i.key = j.key;
