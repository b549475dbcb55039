-- Callbacks and events. As in queries.sql, bulk statements take one JSON array of objects. `|| ''` keeps a wide index out
-- of the way: plans are made while the tables look empty, and a kind or a state may have millions.

-- name: lock_log
-- One transaction at a time applies events or changes the list of suppressions: the order of the log is the order of
-- the commits, and what was read of a message, a day's counts or an address is still so when it is written.
SELECT pg_advisory_xact_lock(:lock);

-- name: keep_keys
-- What comes back is fresh: a dated body is a repeat for ever, another one for ten minutes.
INSERT INTO callback_keys (key, kept_at, is_dated)
SELECT * FROM json_to_recordset(:rows::json) AS j (key text, kept_at bigint, is_dated boolean)
ON CONFLICT (key) DO UPDATE SET kept_at = excluded.kept_at
WHERE NOT callback_keys.is_dated AND excluded.kept_at >= callback_keys.kept_at + :again_after
RETURNING key;

-- name: keep_callbacks
INSERT INTO callbacks (key, provider, received_at, body, state)
SELECT j.key, j.provider, j.received_at, j.body, 'new'
FROM json_to_recordset(:rows::json) AS j (key text, provider text, received_at bigint, body text);

-- name: unapplied
-- What is new goes before what is replayed.
SELECT seq, key, provider, received_at, body FROM callbacks
WHERE state IN ('new', 'again') ORDER BY state DESC, seq LIMIT :most::bigint;

-- name: still_open
-- Another node may have applied some meanwhile; of a replay, what led to an event is left out.
SELECT c.seq FROM json_to_recordset(:rows::json) AS j (seq bigint, id text)
JOIN callbacks c ON c.seq = j.seq AND c.state || '' IN ('new', 'again')
WHERE c.state = 'new' OR NOT EXISTS (SELECT 1 FROM events WHERE id = j.id)
    AND NOT EXISTS (SELECT 1 FROM unmatched WHERE id = j.id);

-- name: close_callbacks
UPDATE callbacks SET state = j.state, note = j.note
FROM json_to_recordset(:rows::json) AS j (seq bigint, state text, note text)
WHERE callbacks.seq = j.seq AND callbacks.state || '' IN ('new', 'again');

-- name: candidates
-- The pair of id and recipient names a message: our own id, an email's with several recipients, or the
-- provider's. Only our own message id may stand alone, because it never names two.
WITH j AS MATERIALIZED (
    SELECT * FROM json_to_recordset(:rows::json) AS r (n integer, reference text, recipient text, provider text)
)
SELECT j.n, 'id', m.id FROM j
JOIN messages m ON m.id = j.reference
WHERE j.recipient IS NULL OR lower(m.recipient) = j.recipient
UNION ALL
SELECT j.n, 'id', m.id FROM j
JOIN messages m ON m.email_id = j.reference AND m.email_id <> m.id
WHERE lower(m.recipient) = j.recipient
UNION ALL
SELECT j.n, 'reference', m.id FROM j
JOIN messages m ON m.provider_ref = j.reference AND m.provider_ref <> m.id AND NOT m.is_sandbox
WHERE lower(m.recipient) = j.recipient AND m.provider = j.provider;

-- name: in_doubt
-- Whoever has mail of which nobody knows yet whether it was taken: an event may be about that. Asked before `guesses`:
-- what is settled between the two is found by the second.
SELECT lower(m.recipient) FROM (
    SELECT id FROM outbox WHERE state = 'leased'
    UNION ALL SELECT id FROM outbox WHERE state = 'unclear'
    UNION ALL SELECT id FROM outbox WHERE state = 'held'
    LIMIT :most::bigint
) o JOIN messages m ON m.id = o.id;

-- name: guesses
-- Two are as many as it takes to see that none of them may be guessed. The inner LIMIT keeps the planner to one day
-- of the index at a time: an index that looked empty when it planned would be walked through. An event that names an
-- id, which is not known, is about no mail of which another id is known. What came before the first request that the
-- provider may have taken is about no mail of that request, whatever its date says.
SELECT j.n, g.id
FROM json_to_recordset(:rows::json) AS j (n integer, recipient text, since bigint, until bigint, provider text, days json,
    is_nameless boolean, received_at bigint)
CROSS JOIN LATERAL (
    SELECT f.id FROM json_array_elements_text(j.days) AS day (number)
    CROSS JOIN LATERAL (
        SELECT m.id FROM messages m
        WHERE m.accepted_at / 86400000000 = day.number::bigint AND lower(m.recipient) = j.recipient
            AND m.accepted_at BETWEEN j.since AND j.until AND m.accepted_at IS NOT NULL
            AND (m.provider_ref IS NULL OR j.is_nameless) AND NOT m.is_sandbox AND m.provider = j.provider
            AND (
                SELECT min(a.started_at) FROM attempts a WHERE a.message_id = m.id AND a.provider = m.provider
                    AND a.outcome IN ('accepted', 'unclear')
            ) <= j.received_at
        LIMIT 2
    ) f
    LIMIT 2
) g;

-- name: standings
SELECT m.id, coalesce(o.state, m.state), m.evidence, m.accepted_at, m.delivered_at, m.opened_at, m.clicked_at,
    m.told, m.reason, o.attempts, o.lease, o.provider, m.email_id, m.recipient, e.sender, e.extras, m.is_sandbox
FROM unnest(:id::text[]) AS j (id)
JOIN messages m ON m.id = j.id
JOIN emails e ON e.id = m.email_id
LEFT JOIN outbox o ON o.id = m.id;

-- name: insert_events
INSERT INTO events (id, message_id, kind, at, received_at, provider, match, recipient, reference, bounce,
    is_scanner, facts)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, message_id text, kind text, at bigint, received_at bigint,
    provider text, match text, recipient text, reference text, bounce text, is_scanner boolean, facts text)
ON CONFLICT (id) DO NOTHING;

-- name: tell_messages
-- A leased message keeps its state: the settle of that lease reads the evidence.
UPDATE messages SET
    state = coalesce(j.state, messages.state), evidence = j.evidence, reason = j.reason,
    delivered_at = j.delivered_at, opened_at = j.opened_at, clicked_at = j.clicked_at, told = j.told
FROM json_to_recordset(:rows::json) AS j (id text, state text, evidence text, reason text, delivered_at bigint,
    opened_at bigint, clicked_at bigint, told integer)
WHERE messages.id = j.id;

-- name: mark_scans
-- The delivery became known after opens that were too near to it.
UPDATE events SET is_scanner = true
WHERE message_id = :message_id AND kind || '' = 'opened' AND NOT is_scanner AND at BETWEEN :since AND :until
RETURNING at;

-- name: first_open
SELECT min(at) FROM events WHERE message_id = :message_id AND kind || '' = 'opened' AND NOT is_scanner;

-- name: unmark_open
UPDATE messages SET opened_at = :opened_at, told = :told WHERE id = :message_id;

-- name: insert_unmatched
INSERT INTO unmatched (id, kind, at, received_at, provider, recipient, reference, bounce, facts, due_at)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, kind text, at bigint, received_at bigint, provider text,
    recipient text, reference text, bounce text, facts text, due_at bigint)
ON CONFLICT (id) DO NOTHING;

-- name: due_unmatched
SELECT id, kind, at, received_at, provider, recipient, reference, bounce, facts FROM unmatched
WHERE due_at IS NOT NULL AND due_at <= :now ORDER BY due_at LIMIT :most::bigint;

-- name: look_again
UPDATE unmatched SET due_at = j.due_at
FROM json_to_recordset(:rows::json) AS j (id text, due_at bigint)
WHERE unmatched.id = j.id;

-- name: drop_unmatched
DELETE FROM unmatched WHERE id = ANY (:id::text[]);

-- name: reopen_all
-- A page of what follows `after`, so that no transaction is long.
UPDATE callbacks SET state = 'again'
WHERE seq IN (
    SELECT seq FROM callbacks WHERE seq > :after AND received_at >= :since ORDER BY seq LIMIT :most::bigint)
RETURNING seq;

-- name: reopen_aside
UPDATE callbacks SET state = 'again'
WHERE seq IN (
    SELECT seq FROM callbacks WHERE state IN ('nothing', 'broken') AND seq > :after AND received_at >= :since
    ORDER BY seq LIMIT :most::bigint
) RETURNING seq;

-- name: ask_for_unmatched
UPDATE unmatched SET due_at = :now WHERE received_at >= :since RETURNING id;

-- name: callbacks_at
SELECT seq, key, provider, received_at, body, state, note FROM callbacks WHERE received_at = :at ORDER BY seq;

-- name: set_aside
SELECT seq, key, provider, received_at, body, state, note FROM callbacks
WHERE state IN ('nothing', 'broken') AND seq < :before ORDER BY seq DESC LIMIT :most::bigint;

-- name: reopen_one
UPDATE callbacks SET state = 'again' WHERE seq = :seq RETURNING seq;

-- name: ask_for_one
UPDATE unmatched SET due_at = :now WHERE id = :id RETURNING id;

-- name: note_transient
INSERT INTO transient_bounces (address, event_id, at)
SELECT * FROM json_to_recordset(:rows::json) AS j (address text, event_id text, at bigint)
ON CONFLICT DO NOTHING;

-- name: transient_times
SELECT address, at FROM transient_bounces WHERE address = ANY (:addresses::text[]);

-- name: forget_bounces_of
DELETE FROM transient_bounces WHERE address = ANY (:addresses::text[]);

-- name: counted_keys
SELECT k.day, k.kind, k.key FROM json_to_recordset(:rows::json) AS j (day bigint, kind text, key text)
JOIN rollup_keys k ON k.day = j.day AND k.kind = j.kind AND k.key = j.key;

-- name: keys_of_day
SELECT count(*) FROM rollup_keys WHERE day = :day AND kind = :kind;

-- name: add_counted_keys
INSERT INTO rollup_keys (day, kind, key)
SELECT * FROM json_to_recordset(:rows::json) AS j (day bigint, kind text, key text)
ON CONFLICT DO NOTHING;

-- name: note_activity
INSERT INTO activity (id, at, who, what, subject, facts)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, at bigint, who text, what text, subject text, facts text)
ON CONFLICT (id) DO UPDATE SET at = excluded.at, facts = excluded.facts;

-- name: refused_before
SELECT facts FROM activity WHERE id = :id;

-- name: last_callback
SELECT received_at FROM callbacks ORDER BY seq DESC LIMIT 1;

-- name: intake_counts
-- Ten thousand is many: beyond it nobody needs the number, and the count would grow slow.
SELECT (SELECT count(*) FROM (SELECT 1 FROM callbacks WHERE state IN ('new', 'again') LIMIT 10000) a),
    (SELECT count(*) FROM (SELECT 1 FROM unmatched LIMIT 10000) b),
    (SELECT count(*) FROM (SELECT 1 FROM callbacks WHERE state IN ('nothing', 'broken') LIMIT 10000) c);

-- name: forget_callbacks
-- Only the oldest are looked at, so that a round costs the same with ten rows and ten million. The last one
-- stays: it says when the provider last spoke.
DELETE FROM callbacks WHERE seq IN (
    SELECT seq FROM (SELECT seq, received_at, state FROM callbacks ORDER BY seq LIMIT :most::bigint) oldest
    WHERE received_at < :before AND state NOT IN ('new', 'again')
) AND seq < (SELECT max(seq) FROM callbacks) AND state NOT IN ('new', 'again')
RETURNING seq;

-- name: forget_keys
-- The age is asked again of each row: it may have been kept anew meanwhile.
DELETE FROM callback_keys WHERE key IN (
    SELECT key FROM (
        SELECT key FROM callback_keys WHERE NOT is_dated AND kept_at < :undated_before
        UNION ALL SELECT key FROM callback_keys WHERE is_dated AND kept_at < :before
    ) old LIMIT :most::bigint
) AND kept_at < greatest(:undated_before, :before)
RETURNING key;

-- name: forget_unmatched
-- Ids begin with the time of receipt.
DELETE FROM unmatched WHERE id IN (
    SELECT id FROM (SELECT id, received_at FROM unmatched ORDER BY id LIMIT :most::bigint) oldest
    WHERE received_at < :before
) RETURNING id;

-- name: forget_transient
DELETE FROM transient_bounces WHERE at < :before RETURNING at;

-- name: forget_counted_keys
DELETE FROM rollup_keys WHERE day < :day RETURNING day;
