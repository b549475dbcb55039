-- What retention asks of the database. Each statement is bounded by its ids or its limit, whatever its plan is (see the
-- head of queries.sql).

-- name: mark
SELECT seen FROM prune_marks WHERE kind = :kind;

-- name: set_mark
INSERT INTO prune_marks (kind, seen) VALUES (:kind, :seen)
ON CONFLICT (kind) DO UPDATE SET seen = excluded.seen;

-- name: older_emails
-- Ids are in the order of creation, and no email ended before it was made.
SELECT id FROM emails WHERE id > :seen AND id < :bound ORDER BY id LIMIT :most::bigint;

-- name: emails_to_look_at
SELECT email_id FROM prune_later WHERE look_at <= :now ORDER BY look_at LIMIT :most::bigint;

-- name: messages_of
-- They are locked next (see `lock_messages`): whoever requeues one waits, and finds that it has no content; or went
-- before, and it is found waiting.
SELECT id FROM messages WHERE id = ANY (:id::text[]) AND email_id = id
UNION ALL SELECT id FROM messages WHERE email_id = ANY (:id::text[]) AND email_id <> id
ORDER BY id;

-- name: ends
-- One row a message: its email, when it ended, and whether it is still in the outbox.
SELECT m.email_id, m.id, m.finished_at, (SELECT o.id FROM outbox o WHERE o.id = m.id) IS NOT NULL
FROM messages m WHERE m.id = ANY (:id::text[])
ORDER BY m.id;

-- name: look_later
INSERT INTO prune_later (email_id, look_at)
SELECT * FROM json_to_recordset(:rows::json) AS j (email_id text, look_at bigint)
ON CONFLICT (email_id) DO UPDATE SET look_at = excluded.look_at;

-- name: looked_at
DELETE FROM prune_later WHERE email_id = ANY (:id::text[]);

-- name: drop_variables
UPDATE messages SET variables = NULL WHERE id = ANY (:id::text[]) AND variables IS NOT NULL;

-- name: shared_contents
SELECT DISTINCT content_id FROM emails WHERE id = ANY (:id::text[]) AND content_id <> id ORDER BY content_id;

-- name: lock_contents
-- Whoever stores another email with one of these waits, and stores it again; or went before, and is found.
SELECT id FROM contents WHERE id = ANY (:id::text[]) ORDER BY id FOR UPDATE;

-- name: drop_own_contents
DELETE FROM contents WHERE id = ANY (:id::text[]);

-- name: unneeded_contents
-- A letter to many goes with the last of its emails: none is younger, none is to be looked at later.
SELECT c.id FROM unnest(:id::text[]) AS c (id)
WHERE CASE
    WHEN (SELECT 1 FROM emails e WHERE e.content_id = c.id AND e.content_id <> e.id AND e.id > :seen LIMIT 1) = 1
        THEN false
    ELSE (SELECT 1 FROM prune_later l
        WHERE (SELECT e.content_id FROM emails e WHERE e.id = l.email_id) = c.id LIMIT 1) IS NULL
END;

-- name: requeued_contents
-- Of an email that ended long ago, and that a person has queued again since.
SELECT DISTINCT content_id FROM (
    SELECT (SELECT e.content_id FROM emails e WHERE e.id = o.email_id AND e.content_id <> e.id) AS content_id
    FROM outbox o
) t WHERE content_id = ANY (:id::text[]);

-- name: orphaned_contents
SELECT c.id FROM unnest(:id::text[]) AS c (id)
WHERE (SELECT 1 FROM emails e WHERE e.content_id = c.id AND e.content_id <> e.id LIMIT 1) IS NULL;

-- name: drop_uses
DELETE FROM attachment_uses WHERE email_id = ANY (:id::text[]);

-- name: drop_attempts
DELETE FROM attempts WHERE message_id = ANY (:id::text[]);

-- name: drop_events
DELETE FROM events WHERE message_id = ANY (:id::text[]);

-- name: drop_messages
DELETE FROM messages WHERE id = ANY (:id::text[]);

-- name: drop_emails
DELETE FROM emails WHERE id = ANY (:id::text[]);

-- name: drop_keys
-- The age is asked again of each row: it may have been taken anew meanwhile.
DELETE FROM idempotency WHERE created_at < :before AND (owner, route, key) IN (
    SELECT owner, route, key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT :most::bigint)
RETURNING key;

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
ORDER BY a.kept_until LIMIT :most::bigint;

-- name: keep_files
UPDATE attachments SET kept_until = greatest(kept_until, :until) WHERE sha256 = ANY (:id::text[]);

-- name: drop_files
-- As above: a submission may have brought the same file again.
DELETE FROM attachments WHERE kept_until < :now AND sha256 IN (
    SELECT sha256 FROM attachments WHERE kept_until < :now ORDER BY kept_until LIMIT :most::bigint)
RETURNING sha256;

-- name: first_count
SELECT min(hour) FROM rollups;

-- name: fold_counts
-- Into the row of the first node. Who counts late meets it, or begins a row of its own beside it; what it added while
-- this waited is in what DELETE returns. A month is over later than a day.
WITH RECURSIVE kinds (kind) AS (
    (SELECT kind FROM rollups ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT r.kind FROM rollups r WHERE r.kind > k.kind ORDER BY r.kind LIMIT 1) FROM kinds k
    WHERE k.kind IS NOT NULL
), spans AS (
    SELECT kind, CASE WHEN kind LIKE '%!_month' ESCAPE '!' THEN :month::bigint ELSE 0 END AS later
    FROM kinds WHERE kind IS NOT NULL
), crowded AS MATERIALIZED (
    SELECT f.* FROM spans s CROSS JOIN LATERAL (
        SELECT kind, hour, key, min(node) AS node FROM rollups
        WHERE kind = s.kind AND hour >= :since::bigint - s.later AND hour < :until::bigint - s.later
        GROUP BY kind, hour, key HAVING count(*) > 1
    ) f
), gone AS (
    DELETE FROM rollups r USING crowded c
    WHERE r.kind = c.kind AND r.hour = c.hour AND r.key = c.key AND r.node <> c.node
    RETURNING c.kind, c.hour, c.key, c.node, r.count
)
UPDATE rollups r SET count = r.count + g.count
FROM (SELECT kind, hour, key, node, sum(count)::bigint AS count FROM gone GROUP BY kind, hour, key, node) g
WHERE r.kind = g.kind AND r.hour = g.hour AND r.key = g.key AND r.node = g.node;
