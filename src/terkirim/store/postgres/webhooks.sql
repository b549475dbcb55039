-- Webhooks. As in queries.sql, bulk statements take one JSON array, whose columns they declare; what is told by
-- `finish`, `end_messages` and `move` is written there.

-- name: tell_restated
-- The rows are those of `restate`: the first attempt was unclear, and is made again.
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT w.type, :now::bigint, o.id, json_build_object('reason', o.reason)::text
FROM json_to_recordset(:rows::json) AS j (id text, state text)
JOIN webhook_wanted w ON w.type = 'email.delivery_delayed'
JOIN outbox o ON o.id = j.id AND o.attempts = 1
WHERE j.state = 'queued';

-- name: tell
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT w.type, j.at, j.message_id, j.facts
FROM json_to_recordset(:rows::json) AS j (type text, at bigint, message_id text, facts text)
JOIN webhook_wanted w ON w.type = j.type;

-- name: lock_endpoints
-- Changes of endpoints wait for each other: each writes anew what anybody wants. Publishing waits too.
INSERT INTO webhook_cursor AS c (one, seq) VALUES (1, 0) ON CONFLICT (one) DO UPDATE SET seq = c.seq RETURNING seq;

-- name: add_endpoint
INSERT INTO webhook_endpoints (id, url, types, secret, created_at)
VALUES (:id, :url, :types::text[], :secret, :created_at) ON CONFLICT DO NOTHING RETURNING id;

-- name: begin_log
-- Nobody was told of what is in the log of events by now, and nobody is.
UPDATE webhook_cursor SET seq = greatest(seq, (SELECT coalesce(max(seq), 0) FROM events))
WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints);

-- name: endpoints
SELECT id, url, types, created_at, why_disabled, failing_since, failures,
    CASE WHEN old_secret IS NOT NULL THEN old_until END
FROM webhook_endpoints WHERE :id::text IS NULL OR id = :id ORDER BY created_at, id;

-- name: change_endpoint
-- Whoever enables it lets it begin anew.
UPDATE webhook_endpoints SET url = coalesce(:url, url), types = coalesce(:types::text[], types),
    why_disabled = CASE WHEN :is_enabled::boolean IS NULL THEN why_disabled WHEN :is_enabled::boolean THEN NULL
        ELSE coalesce(why_disabled, '') END,
    failing_since = CASE WHEN :is_enabled::boolean THEN NULL ELSE failing_since END,
    failures = CASE WHEN :is_enabled::boolean THEN 0 ELSE failures END
WHERE id = :id;

-- name: want
-- What a transaction under way has read of it before is written by that transaction all the same.
WITH gone AS (DELETE FROM webhook_wanted WHERE type <> ALL (:types::text[]))
INSERT INTO webhook_wanted (type) SELECT unnest(:types::text[]) ON CONFLICT DO NOTHING;

-- name: forget_facts
DELETE FROM webhook_facts;

-- name: rotate_secret
UPDATE webhook_endpoints SET old_secret = secret, old_until = :old_until, secret = :secret WHERE id = :id;

-- name: remove_endpoint
DELETE FROM webhook_endpoints WHERE id = :id;

-- name: some_deliveries
SELECT payload_id FROM webhook_deliveries WHERE endpoint_id = :id LIMIT :most::bigint;

-- name: drop_attempts
DELETE FROM webhook_attempts
WHERE payload_id = ANY (:ids::text[]) AND (:endpoint::text IS NULL OR endpoint_id = :endpoint);

-- name: drop_deliveries
DELETE FROM webhook_deliveries
WHERE payload_id = ANY (:ids::text[]) AND (:endpoint::text IS NULL OR endpoint_id = :endpoint);

-- name: wanted
SELECT type FROM webhook_wanted;

-- name: cursor
SELECT seq FROM webhook_cursor;

-- name: fresh_facts
SELECT f.seq, f.type, f.at, f.facts, m.id, m.email_id, m.recipient, m.is_sandbox, e.sender, e.sender_name,
    e.recipients, e.subject, e.extras, e.created_at, e.campaign, e.row
FROM (SELECT * FROM webhook_facts ORDER BY seq LIMIT :most::bigint) f
LEFT JOIN messages m ON m.id = f.message_id LEFT JOIN emails e ON e.id = m.email_id ORDER BY f.seq;

-- name: fresh_events
-- As above; nobody is told of a scanner's opens.
SELECT v.seq, CASE WHEN v.is_scanner THEN '' ELSE 'email.' || v.kind END, v.at, v.facts,
    m.id, m.email_id, m.recipient, m.is_sandbox, e.sender, e.sender_name,
    e.recipients, e.subject, e.extras, e.created_at, e.campaign, e.row, v.bounce
FROM (SELECT * FROM events WHERE seq > :after ORDER BY seq LIMIT :most::bigint) v
LEFT JOIN messages m ON m.id = v.message_id LEFT JOIN emails e ON e.id = m.email_id ORDER BY v.seq;

-- name: unpublished
-- How many of these are still there: another node may have published them.
SELECT count(*) FROM webhook_facts WHERE seq = ANY (:seqs::bigint[]);

-- name: erased_since
-- Of messages whose recipient is another one than was read: a person was forgotten meanwhile.
SELECT j.id FROM json_to_recordset(:rows::json) AS j (id text, recipient text)
CROSS JOIN LATERAL (SELECT recipient FROM messages WHERE id = j.id OFFSET 0) m WHERE m.recipient <> j.recipient;

-- name: drop_facts
DELETE FROM webhook_facts WHERE seq = ANY (:seqs::bigint[]);

-- name: set_cursor
UPDATE webhook_cursor SET seq = :upto;

-- name: insert_payloads
INSERT INTO webhook_payloads (id, type, at, message_id, body)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, type text, at bigint, message_id text, body text)
ON CONFLICT DO NOTHING;

-- name: insert_deliveries
INSERT INTO webhook_deliveries (payload_id, endpoint_id, state, since, due_at)
SELECT j.id, e.id, CASE WHEN e.why_disabled IS NULL THEN 'waiting' ELSE 'held' END, :now::bigint,
    CASE WHEN e.why_disabled IS NULL THEN :now::bigint END
FROM json_to_recordset(:rows::json) AS j (id text, type text)
JOIN webhook_endpoints e ON cardinality(e.types) = 0 OR j.type = ANY (e.types);

-- name: insert_leased
INSERT INTO webhook_deliveries (payload_id, endpoint_id, state, since, due_at, lease)
VALUES (:payload, :endpoint, 'waiting', :now, :until, 1) ON CONFLICT DO NOTHING;

-- name: due_endpoints
SELECT id, failures > 0 FROM webhook_endpoints e WHERE why_disabled IS NULL AND EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.due_at <= :now);

-- name: take
-- Its due time becomes the end of the lease: whoever dies with it leaves it to the next one. Two nodes never wait
-- for each other here, and never take the same.
WITH picked AS MATERIALIZED (
    SELECT p.payload_id, p.endpoint_id
    FROM json_to_recordset(:rows::json) AS j (id text, most bigint)
    JOIN webhook_endpoints e ON e.id = j.id AND e.why_disabled IS NULL
    CROSS JOIN LATERAL (
        SELECT d.payload_id, d.endpoint_id FROM webhook_deliveries d
        WHERE d.endpoint_id = j.id AND d.state = 'waiting' AND d.due_at <= :now
        ORDER BY d.due_at, d.payload_id LIMIT j.most FOR UPDATE SKIP LOCKED) p
), taken AS (
    UPDATE webhook_deliveries w SET lease = w.lease + 1, due_at = :until
    FROM picked p WHERE w.payload_id = p.payload_id AND w.endpoint_id = p.endpoint_id
    RETURNING w.endpoint_id, w.payload_id, w.lease, w.attempts, w.since
)
SELECT t.endpoint_id, t.payload_id, t.lease, t.attempts, t.since, e.url, e.secret,
    CASE WHEN e.old_until > :now THEN e.old_secret END, p.body, p.type
FROM taken t JOIN webhook_endpoints e ON e.id = t.endpoint_id
CROSS JOIN LATERAL (SELECT body, type FROM webhook_payloads WHERE id = t.payload_id OFFSET 0) p;

-- name: tasks
SELECT j.endpoint_id, j.payload_id, j.lease, j.attempts, j.since, e.url, e.secret,
    CASE WHEN e.old_until > :now THEN e.old_secret END, p.body, p.type
FROM json_to_recordset(:rows::json) AS j (endpoint_id text, payload_id text, lease integer, attempts integer,
    since bigint)
JOIN webhook_endpoints e ON e.id = j.endpoint_id JOIN webhook_payloads p ON p.id = j.payload_id;

-- name: keep_attempts
INSERT INTO webhook_attempts (payload_id, endpoint_id, number, at, duration, code, reason, answer)
SELECT * FROM json_to_recordset(:rows::json) AS j (payload_id text, endpoint_id text, number integer, at bigint,
    duration bigint, code integer, reason text, answer text)
ON CONFLICT DO NOTHING RETURNING payload_id, endpoint_id, number;

-- name: end_deliveries
-- The lease fences off a courier that woke up late. What was held meanwhile may have arrived all the same.
UPDATE webhook_deliveries d SET state = j.state, due_at = j.due_at, attempts = j.attempts
FROM json_to_recordset(:rows::json) AS j (payload_id text, endpoint_id text, lease integer, state text, due_at bigint,
    attempts integer)
WHERE d.payload_id = j.payload_id AND d.endpoint_id = j.endpoint_id AND d.lease = j.lease
    AND d.state IN ('waiting', 'held')
RETURNING d.payload_id, d.endpoint_id;

-- name: note_success
UPDATE webhook_endpoints SET failing_since = NULL, failures = 0 WHERE failures > 0 AND id = ANY (:ids::text[]);

-- name: note_failures
UPDATE webhook_endpoints e SET failures = e.failures + j.failures, failing_since = coalesce(e.failing_since, j.since)
FROM json_to_recordset(:rows::json) AS j (id text, failures integer, since bigint) WHERE e.id = j.id
RETURNING e.id, e.failures, e.failing_since;

-- name: disable
UPDATE webhook_endpoints SET why_disabled = :why WHERE id = :id AND why_disabled IS NULL RETURNING url;

-- name: has_to_hold
SELECT 1 FROM webhook_endpoints e WHERE why_disabled IS NOT NULL AND EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting') LIMIT 1;

-- name: hold
UPDATE webhook_deliveries w SET state = 'held', due_at = NULL FROM (
    SELECT d.payload_id, d.endpoint_id FROM webhook_endpoints e
    JOIN webhook_deliveries d ON d.endpoint_id = e.id AND d.state = 'waiting'
    WHERE e.why_disabled IS NOT NULL LIMIT :most::bigint FOR UPDATE OF d SKIP LOCKED) p
WHERE w.payload_id = p.payload_id AND w.endpoint_id = p.endpoint_id RETURNING w.payload_id;

-- name: attempts
SELECT at, duration, code, reason, answer FROM webhook_attempts
WHERE payload_id = :payload AND endpoint_id = :endpoint ORDER BY number;

-- name: replay
-- The lease of an attempt that is in the air goes on counting, but its end no longer does.
UPDATE webhook_deliveries SET state = 'waiting', since = :now, due_at = :now, attempts = 0, lease = lease + 1
WHERE payload_id = :payload AND endpoint_id = :endpoint
RETURNING payload_id;

-- name: replay_range
-- What was asked for again since `:now` is not asked for a second time.
UPDATE webhook_deliveries SET state = 'waiting', since = :now, due_at = :now, attempts = 0, lease = lease + 1
WHERE endpoint_id = :endpoint AND payload_id IN (
    SELECT payload_id FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint
        AND d.payload_id >= :low AND d.payload_id < :high AND d.since < :now AND d.state = ANY (:states::text[])
    ORDER BY d.payload_id LIMIT :most::bigint)
RETURNING payload_id;

-- name: counts
SELECT (SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE state = 'waiting' LIMIT :most::bigint) w),
    (SELECT count(*) FROM (
        SELECT 1 FROM webhook_deliveries WHERE state = 'held' AND state <> 'delivered' LIMIT :most::bigint) h);

-- name: old_payloads
SELECT id FROM webhook_payloads p WHERE id < :bound AND NOT EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.payload_id = p.id AND d.state = 'waiting') ORDER BY id LIMIT :most::bigint;

-- name: drop_payloads
DELETE FROM webhook_payloads WHERE id = ANY (:ids::text[]);

-- name: payloads_of_emails
SELECT p.id, p.body FROM webhook_payloads p WHERE p.message_id = ANY (
    ARRAY(SELECT m.id FROM messages m WHERE m.id = ANY (:ids::text[]) OR m.email_id = ANY (:ids::text[]) AND m.email_id <> m.id));

-- name: blank_payloads
UPDATE webhook_payloads SET body = (jsonb_set(body::jsonb, '{data,subject}', '""') #- '{data,tags}')::text
WHERE message_id = ANY (
    ARRAY(SELECT m.id FROM messages m WHERE m.id = ANY (:id::text[]) OR m.email_id = ANY (:id::text[]) AND m.email_id <> m.id));

-- name: blank_readers
-- Where from and with what a person read a mail.
UPDATE webhook_payloads SET body = (body::jsonb #- '{data,open}' #- '{data,click}')::text
WHERE message_id = ANY (:ids::text[]) AND type IN ('email.opened', 'email.clicked');

-- name: facts_with
SELECT seq, facts FROM webhook_facts WHERE strpos(lower(facts), :address) > 0;

-- name: retell_facts
-- As new ones: whoever has read them, and is about to publish them, begins again.
WITH gone AS (
    DELETE FROM webhook_facts f USING json_to_recordset(:rows::json) AS j (seq bigint, facts text)
    WHERE f.seq = j.seq RETURNING f.type, f.at, f.message_id, j.facts
)
INSERT INTO webhook_facts (type, at, message_id, facts) SELECT type, at, message_id, facts FROM gone;

-- name: payloads_of_nobody
SELECT id, body FROM webhook_payloads WHERE message_id IS NULL AND strpos(lower(body), :address) > 0;

-- name: answers_with
SELECT payload_id, endpoint_id, number, answer FROM webhook_attempts WHERE strpos(lower(answer), :address) > 0;

-- name: rewrite_payloads
UPDATE webhook_payloads p SET body = j.body
FROM json_to_recordset(:rows::json) AS j (id text, body text) WHERE p.id = j.id;

-- name: rewrite_answers
UPDATE webhook_attempts a SET answer = j.answer
FROM json_to_recordset(:rows::json) AS j (payload_id text, endpoint_id text, number integer, answer text)
WHERE a.payload_id = j.payload_id AND a.endpoint_id = j.endpoint_id AND a.number = j.number;
