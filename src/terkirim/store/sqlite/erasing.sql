-- What the erasure of one address asks of the database. Addresses come in lower case.

-- name: messages_to
SELECT id, lower(recipient) = :address FROM messages WHERE id > :after ORDER BY id LIMIT :most;

-- name: standing
-- Of each message: its email, state, attempts and fence, and how many messages that email has.
SELECT m.id, m.email_id, coalesce(o.state, m.state), coalesce(o.attempts, m.attempts), coalesce(o.lease, m.lease),
    iif(m.id = m.email_id, 1, (SELECT count(*) FROM messages s WHERE s.email_id = m.email_id AND s.email_id <> s.id))
FROM json_each(:ids) j JOIN messages m ON m.id = j.value LEFT JOIN outbox o ON o.id = m.id
WHERE lower(m.recipient) = :address;

-- name: want_cancel
UPDATE outbox SET cancel_wanted = 1 WHERE state = 'leased' AND id IN (SELECT value FROM json_each(:ids));

-- name: erase_messages
UPDATE messages SET recipient = :nobody, variables = NULL, provider_ref = NULL,
    reason = iif(instr(lower(reason), :address), :nobody, reason)
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: erase_attempts
UPDATE attempts SET reason = iif(instr(lower(reason), :address), :nobody, reason),
    answer = iif(instr(lower(answer), :address), :nobody, answer)
WHERE message_id IN (SELECT value FROM json_each(:ids));

-- name: erase_events
-- Where from and with what a person read a mail is personal too.
UPDATE events SET facts = '{}', recipient = :nobody, reference = NULL
WHERE message_id IN (SELECT value FROM json_each(:ids));

-- name: emails
SELECT id, recipients, extras, row FROM emails WHERE id IN (SELECT value FROM json_each(:ids));

-- name: rewrite_email
UPDATE emails SET recipients = :recipients, extras = :extras, row = :row WHERE id = :id;

-- name: blank_emails
UPDATE emails SET subject = '', extras = NULL WHERE id IN (SELECT value FROM json_each(:ids));

-- name: drop_contents
DELETE FROM contents WHERE id IN (SELECT value FROM json_each(:ids));

-- name: drop_sole_files
-- At once, not when their time is over; what another email carries too stays for that one.
DELETE FROM attachments WHERE sha256 IN (
    SELECT u.sha256 FROM attachment_uses u WHERE u.email_id IN (SELECT value FROM json_each(:ids)))
    AND NOT EXISTS (
        SELECT 1 FROM attachment_uses other WHERE other.sha256 = attachments.sha256
            AND other.email_id NOT IN (SELECT value FROM json_each(:ids)));

-- name: drop_uses
DELETE FROM attachment_uses WHERE email_id IN (SELECT value FROM json_each(:ids));

-- name: mentions
SELECT id, coalesce(instr(lower(extras), :address), 0) > 0 FROM emails WHERE id > :after ORDER BY id LIMIT :most;

-- name: unfinished_of
SELECT DISTINCT o.email_id FROM json_each(:ids) j JOIN outbox o ON o.id = j.value AND o.email_id = o.id
UNION
SELECT DISTINCT m.email_id FROM json_each(:ids) j JOIN messages m ON m.email_id = j.value AND m.email_id <> m.id
JOIN outbox o ON o.id = m.id;

-- name: campaign_rows_of
SELECT campaign, row FROM campaign_rows WHERE instr(lower(row), :address);

-- name: hide_campaign_row
-- A digest in its place: the campaign still sends to nobody twice, and the row says nobody's name.
UPDATE OR REPLACE campaign_rows SET row = :hidden WHERE campaign = :campaign AND row = :row;

-- name: callbacks_of
SELECT seq, body FROM callbacks
WHERE instr(lower(body), :address) OR instr(lower(body), :in_form) OR instr(lower(body), :in_json);

-- name: blank_callbacks
-- That it came stays known; its key keeps a repeat out.
UPDATE callbacks SET body = '{}', note = '' WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: unmatched_of
SELECT id, coalesce(recipient, ''), facts FROM unmatched
WHERE recipient = :address OR instr(lower(facts), :address);

-- name: drop_unmatched
DELETE FROM unmatched WHERE id IN (SELECT value FROM json_each(:ids));

-- name: drop_bounces
DELETE FROM transient_bounces WHERE address = :address;

-- name: alerts_of
SELECT id, facts, title, body FROM alerts WHERE instr(lower(facts || title || body), :address);

-- name: rewrite_alerts
UPDATE alerts SET facts = j.value ->> 1, title = j.value ->> 2, body = j.value ->> 3
FROM json_each(:rows) j WHERE alerts.id = j.value ->> 0;

-- name: notices_of
SELECT alert_id, channel, purpose, title, body, answer FROM alert_deliveries
WHERE instr(lower(title || body || answer), :address);

-- name: rewrite_notices
UPDATE alert_deliveries SET title = j.value ->> 3, body = j.value ->> 4, answer = j.value ->> 5
FROM json_each(:rows) j
WHERE alert_id = j.value ->> 0 AND channel = j.value ->> 1 AND purpose = j.value ->> 2;

-- name: answers_of
SELECT owner, route, key, answer FROM idempotency WHERE instr(lower(answer), :address);

-- name: drop_answer
DELETE FROM idempotency WHERE owner = :owner AND route = :route AND key = :key;
