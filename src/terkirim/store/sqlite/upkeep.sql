-- What retention and erasure ask of the database. Each statement is bounded by its ids or its limit.

-- name: mark
SELECT seen FROM prune_marks WHERE kind = :kind;

-- name: set_mark
INSERT INTO prune_marks (kind, seen) VALUES (:kind, :seen)
ON CONFLICT (kind) DO UPDATE SET seen = excluded.seen;

-- name: older_emails
-- Ids are in the order of creation, and no email ended before it was made.
SELECT id FROM emails WHERE id > :seen AND id < :bound ORDER BY id LIMIT :most;

-- name: emails_to_look_at
SELECT email_id FROM prune_later WHERE look_at <= :now ORDER BY look_at LIMIT :most;

-- name: ends
-- One row a message: its email, when it ended, and whether it is still in the outbox.
SELECT m.email_id, m.id, m.finished_at, EXISTS (SELECT 1 FROM outbox o WHERE o.id = m.id)
FROM json_each(:ids) j JOIN messages m ON m.id = j.value AND m.email_id = m.id
UNION ALL
SELECT m.email_id, m.id, m.finished_at, EXISTS (SELECT 1 FROM outbox o WHERE o.id = m.id)
FROM json_each(:ids) j JOIN messages m ON m.email_id = j.value AND m.email_id <> m.id;

-- name: look_later
INSERT INTO prune_later (email_id, look_at) SELECT value ->> 0, value ->> 1 FROM json_each(:rows) WHERE true
ON CONFLICT (email_id) DO UPDATE SET look_at = excluded.look_at;

-- name: looked_at
DELETE FROM prune_later WHERE email_id IN (SELECT value FROM json_each(:ids));

-- name: drop_variables
UPDATE messages SET variables = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND variables IS NOT NULL;

-- name: shared_contents
SELECT DISTINCT content_id FROM emails WHERE id IN (SELECT value FROM json_each(:ids)) AND content_id <> id;

-- name: drop_own_contents
DELETE FROM contents WHERE id IN (SELECT value FROM json_each(:ids));

-- name: unneeded_contents
-- A letter to many goes with the last of its emails: none is younger, none is to be looked at later.
SELECT c.value FROM json_each(:ids) c
WHERE NOT EXISTS (
        SELECT 1 FROM emails e WHERE e.content_id = c.value AND e.content_id <> e.id AND e.id > :seen)
    AND NOT EXISTS (
        SELECT 1 FROM prune_later l JOIN emails e ON e.id = l.email_id WHERE e.content_id = c.value);

-- name: requeued_contents
-- Of an email that ended long ago, and that a person has queued again since.
SELECT DISTINCT e.content_id FROM outbox o JOIN emails e ON e.id = o.email_id
WHERE e.content_id IN (SELECT value FROM json_each(:ids)) AND e.content_id <> e.id;

-- name: drop_orphaned_contents
DELETE FROM contents WHERE id IN (SELECT value FROM json_each(:contents))
    AND NOT EXISTS (SELECT 1 FROM emails e WHERE e.content_id = contents.id AND e.content_id <> e.id);

-- name: drop_uses
DELETE FROM attachment_uses WHERE email_id IN (SELECT value FROM json_each(:ids));

-- name: drop_attempts
DELETE FROM attempts WHERE message_id IN (SELECT value FROM json_each(:ids));

-- name: drop_events
DELETE FROM events WHERE message_id IN (SELECT value FROM json_each(:ids));

-- name: drop_messages
DELETE FROM messages WHERE id IN (SELECT value FROM json_each(:ids));

-- name: drop_emails
DELETE FROM emails WHERE id IN (SELECT value FROM json_each(:ids));

-- name: drop_keys
DELETE FROM idempotency WHERE (owner, route, key) IN (
    SELECT owner, route, key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT :most);

-- name: files_in_use
-- Of mail that waits, and of dead letters whose content is kept: a person may send them again.
SELECT a.sha256 FROM attachments a
WHERE a.kept_until < :soon AND EXISTS (
    SELECT 1 FROM attachment_uses u JOIN messages m ON m.id = u.email_id AND m.email_id = m.id
    LEFT JOIN outbox o ON o.id = m.id
    WHERE u.sha256 = a.sha256 AND (o.id IS NOT NULL OR m.state = 'dead')
    UNION ALL
    SELECT 1 FROM attachment_uses u JOIN messages m ON m.email_id = u.email_id AND m.email_id <> m.id
    LEFT JOIN outbox o ON o.id = m.id
    WHERE u.sha256 = a.sha256 AND (o.id IS NOT NULL OR m.state = 'dead'))
ORDER BY a.kept_until LIMIT :most;

-- name: keep_files
UPDATE attachments SET kept_until = max(kept_until, :until) WHERE sha256 IN (SELECT value FROM json_each(:ids));

-- name: drop_files
DELETE FROM attachments WHERE sha256 IN (
    SELECT sha256 FROM attachments WHERE kept_until < :now ORDER BY kept_until LIMIT :most);
