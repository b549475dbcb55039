-- Searching messages. Every list of ids is newest first and bounded; ids sort by time.

-- name: ids_all
SELECT id FROM messages WHERE id < :high AND id > :low ORDER BY id DESC LIMIT :most;

-- name: ids_unfinished
SELECT id FROM outbox WHERE id < :high AND id > :low ORDER BY id DESC LIMIT :most;

-- name: ids_dead
SELECT id FROM messages WHERE state = 'dead' AND id < :high AND id > :low ORDER BY id DESC LIMIT :most;

-- name: ids_sandbox
SELECT id FROM messages WHERE is_sandbox = 1 AND id < :high AND id > :low ORDER BY id DESC LIMIT :most;

-- name: ids_seldom
SELECT id FROM messages
WHERE state IN ('bounced', 'complained', 'suppressed', 'cancelled') AND state = :state AND id < :high AND id > :low
ORDER BY id DESC LIMIT :most;

-- name: ids_by_terms
SELECT d.id FROM (
    SELECT rowid AS doc FROM search_terms
    WHERE search_terms MATCH :match AND rowid < :high AND rowid > :low ORDER BY rowid DESC LIMIT :most
) t JOIN search_docs d ON d.doc = t.doc ORDER BY t.doc DESC;

-- name: vocabulary
SELECT term FROM search_vocabulary WHERE term >= :start AND term < :end LIMIT :most;

-- name: ids_given
SELECT m.id FROM json_each(:ids) j JOIN messages m ON m.id = j.value
UNION SELECT m.id FROM json_each(:ids) j JOIN messages m ON m.email_id = j.value AND m.email_id <> m.id
ORDER BY 1 DESC LIMIT :most;

-- name: ids_that_stand_so
-- Before the e-mails are read: a state that few messages have leaves few of them.
SELECT m.id FROM json_each(:ids) j JOIN messages m ON m.id = j.value LEFT JOIN outbox o ON o.id = m.id
WHERE (:is_sandbox IS NULL OR m.is_sandbox = :is_sandbox)
    AND (:states IS NULL OR coalesce(o.state, m.state) IN (SELECT value FROM json_each(:states)));

-- name: emails_of_messages
SELECT m.id, m.recipient, e.sender, e.subject, e.extras ->> '$.tags'
FROM json_each(:ids) j JOIN messages m ON m.id = j.value JOIN emails e ON e.id = m.email_id;

-- name: mark
SELECT seen, doc FROM search_mark;

-- name: doc_between
SELECT doc, id FROM search_docs WHERE doc >= :doc ORDER BY doc LIMIT 1;

-- name: unindexed
-- In the order of ids; those of the last seconds may still get company before them.
SELECT id FROM messages WHERE id > :seen AND id < :young ORDER BY id LIMIT :most;

-- name: add_doc
INSERT INTO search_docs (doc, id) VALUES (?, ?);

-- name: add_terms
INSERT INTO search_terms (rowid, terms) VALUES (?, ?);

-- name: move_mark
UPDATE search_mark SET seen = :seen, doc = :doc WHERE seen = :before;

-- name: gone
SELECT id FROM search_gone ORDER BY id LIMIT :most;

-- name: drop_terms
DELETE FROM search_terms WHERE rowid IN (SELECT value FROM json_each(:docs));

-- name: drop_docs
DELETE FROM search_docs WHERE doc IN (SELECT value FROM json_each(:docs));

-- name: drop_gone
DELETE FROM search_gone WHERE id IN (SELECT value FROM json_each(:ids));

-- name: stopped
-- Of each kind the newest, by the kind's own index.
SELECT m.id, m.recipient, s.state, s.reason, m.created_at, s.provider,
    EXISTS (SELECT 1 FROM emails e JOIN contents c ON c.id = e.content_id WHERE e.id = m.email_id)
FROM (
    SELECT * FROM (
        SELECT id, state, reason, provider FROM messages WHERE state = 'dead' AND id < :high
        ORDER BY id DESC LIMIT :most
    )
    UNION ALL SELECT * FROM (
        SELECT id, state, reason, provider FROM outbox
        WHERE state IN ('unclear', 'held') AND state = 'held' AND id < :high ORDER BY id DESC LIMIT :most
    )
) s JOIN messages m ON m.id = s.id
ORDER BY m.id DESC LIMIT :most;

-- name: count_stopped
SELECT 'dead', count(*) FROM messages WHERE state = 'dead'
UNION ALL SELECT 'held', count(*) FROM outbox WHERE state IN ('unclear', 'held') AND state = 'held';

-- name: last_attempts
SELECT message_id, number, lease, provider, started_at, duration, outcome, code, reason, answer, note FROM (
    SELECT * FROM attempts ORDER BY message_id DESC, lease DESC LIMIT :looked
) WHERE provider = :provider ORDER BY started_at DESC LIMIT :most;

-- name: variables
SELECT variables FROM messages WHERE id = :id AND variables IS NOT NULL;

-- name: series
SELECT (hour - :since) / :each, kind, key, sum(count) FROM rollups
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND hour >= :since AND hour < :until GROUP BY 1, 2, 3;

-- name: sums
SELECT kind, key, sum(count) FROM rollups
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND hour >= :since AND hour < :until GROUP BY kind, key;
