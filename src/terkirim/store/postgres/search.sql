-- Searching messages. Every list of ids is newest first and bounded; ids sort by time.

-- name: by_index
-- Planned for these very bounds. And never is a table read as a whole, or sorted where its index is in order: until it is
-- analysed for the first time, a large table seems to have few rows between two bounds.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_sort', 'off', true);

-- name: ids_all
SELECT id FROM messages WHERE id < :high AND id > :low ORDER BY id DESC LIMIT :most::bigint;

-- name: ids_unfinished
SELECT id FROM outbox WHERE id < :high AND id > :low ORDER BY id DESC LIMIT :most::bigint;

-- name: ids_dead
SELECT id FROM messages WHERE state = 'dead' AND id < :high AND id > :low ORDER BY id DESC LIMIT :most::bigint;

-- name: ids_sandbox
SELECT id FROM messages WHERE is_sandbox AND id < :high AND id > :low ORDER BY id DESC LIMIT :most::bigint;

-- name: ids_seldom
SELECT id FROM messages
WHERE state IN ('bounced', 'complained', 'suppressed', 'cancelled') AND state = :state AND id < :high AND id > :low
ORDER BY id DESC LIMIT :most::bigint;

-- name: ids_given
SELECT id FROM messages WHERE id = ANY (:ids::text[])
UNION SELECT id FROM messages WHERE email_id = ANY (:ids::text[]) AND email_id <> id
ORDER BY 1 DESC LIMIT :most::bigint;

-- name: blocks_with
-- First which blocks have the terms, by their index alone; then the newest of these that have them at one place.
SELECT last, low FROM (
    SELECT last, low, terms
    FROM (SELECT last, low, terms FROM search_blocks WHERE terms @@ :match::text::tsquery OFFSET 0) b
    WHERE last > :low AND low < :high ORDER BY last DESC OFFSET 0
) s
WHERE terms @@ :together::text::tsquery ORDER BY last DESC LIMIT :most::bigint;

-- name: ids_in_blocks
-- The messages that have a term of every wish.
SELECT b.ids[p.place]::text
FROM search_blocks b
CROSS JOIN LATERAL (
    SELECT place
    FROM unnest(b.terms) t
    JOIN json_to_recordset(:rows::json) AS j (term text, is_start boolean, wish integer)
        ON t.lexeme = j.term OR (j.is_start AND starts_with(t.lexeme, j.term))
    CROSS JOIN unnest(t.positions) AS u (place)
    GROUP BY place HAVING count(DISTINCT j.wish) = :wishes::bigint
) p
WHERE b.last = ANY (:blocks::text[])
ORDER BY b.last DESC, p.place DESC;

-- name: ids_that_stand_so
-- Before the e-mails are read: a state that few messages have leaves few of them.
SELECT j.id
FROM unnest(:ids::text[]) AS j (id)
CROSS JOIN LATERAL (SELECT state, is_sandbox FROM messages WHERE id = j.id OFFSET 0) m
LEFT JOIN LATERAL (SELECT state FROM outbox WHERE id = j.id OFFSET 0) o ON true
WHERE (:is_sandbox::boolean IS NULL OR m.is_sandbox = :is_sandbox)
    AND (:states::text[] IS NULL OR coalesce(o.state, m.state) = ANY (:states));

-- name: emails_of_messages
SELECT j.id, m.recipient, e.sender, e.subject, e.extras::json ->> 'tags'
FROM unnest(:ids::text[]) AS j (id)
CROSS JOIN LATERAL (SELECT email_id, recipient FROM messages WHERE id = j.id OFFSET 0) m
CROSS JOIN LATERAL (SELECT sender, subject, extras FROM emails WHERE id = m.email_id OFFSET 0) e;

-- name: seen
SELECT seen FROM search_mark;

-- name: enter_mark
INSERT INTO search_mark (one, seen, checked) VALUES (1, '', '') ON CONFLICT DO NOTHING;

-- name: lock_mark
-- One node indexes at a time; a second one goes on from where the first ended.
SELECT seen, checked FROM search_mark FOR UPDATE;

-- name: move_mark
UPDATE search_mark SET seen = :seen, checked = :checked;

-- name: unindexed
-- In the order of ids; those of the last seconds may still get company before them.
SELECT id FROM messages WHERE id > :seen AND id < :young ORDER BY id LIMIT :most::bigint;

-- name: add_block
INSERT INTO search_blocks (last, low, ids, terms) VALUES (:last, :low, :ids::text[]::uuid[], :terms::text::tsvector);

-- name: drop_block
DELETE FROM search_blocks WHERE last = :last;

-- name: settled_blocks
-- The next blocks of which all is committed by now, and whether messages came late: their accept had to wait.
SELECT last, low, cardinality(ids) < (SELECT count(*) FROM messages m WHERE m.id > b.low AND m.id <= b.last)
FROM search_blocks b WHERE last > :checked AND last < :settled ORDER BY last LIMIT :most::bigint;

-- name: gone
SELECT id FROM search_gone ORDER BY id LIMIT :most::bigint FOR UPDATE SKIP LOCKED;

-- name: block_of
SELECT last, low FROM search_blocks WHERE last >= :id ORDER BY last LIMIT 1;

-- name: messages_between
SELECT id FROM messages WHERE id > :low AND id <= :last ORDER BY id;

-- name: drop_gone
DELETE FROM search_gone WHERE id = ANY (:ids::text[]);

-- name: stopped
-- Of each kind the newest, by the kind's own index.
SELECT s.id, m.recipient, s.state, s.reason, m.created_at, s.provider,
    (SELECT c.id FROM contents c WHERE c.id = (SELECT e.content_id FROM emails e WHERE e.id = m.email_id)) IS NOT NULL
FROM (
    (SELECT id, state, reason, provider FROM messages WHERE state = 'dead' AND id < :high
     ORDER BY id DESC LIMIT :most::bigint)
    UNION ALL
    (SELECT id, state, reason, provider FROM outbox WHERE state = 'held' AND id < :high
     ORDER BY id DESC LIMIT :most::bigint)
) s
CROSS JOIN LATERAL (SELECT recipient, created_at, email_id FROM messages WHERE id = s.id OFFSET 0) m
ORDER BY s.id DESC LIMIT :most::bigint;

-- name: count_stopped
SELECT 'dead', count(*) FROM messages WHERE state = 'dead'
UNION ALL SELECT 'held', count(*) FROM outbox WHERE state = 'held';

-- name: last_attempts
SELECT message_id, number, lease, provider, started_at, duration, outcome, code, reason, answer, note FROM (
    SELECT * FROM attempts ORDER BY message_id DESC, lease DESC LIMIT :looked::bigint
) t WHERE provider = :provider ORDER BY started_at DESC LIMIT :most::bigint;

-- name: variables
SELECT variables FROM messages WHERE id = :id AND variables IS NOT NULL;

-- name: series
SELECT (hour - :since::bigint) / :each::bigint, kind, key, sum(count)::bigint FROM rollups
WHERE kind = ANY (:kinds::text[]) AND hour >= :since AND hour < :until GROUP BY 1, 2, 3;

-- name: sums
SELECT kind, key, sum(count)::bigint FROM rollups
WHERE kind = ANY (:kinds::text[]) AND hour >= :since AND hour < :until GROUP BY kind, key;
