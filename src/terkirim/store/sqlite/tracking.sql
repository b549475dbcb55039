-- Callbacks and events. As in queries.sql, bulk statements take one JSON array and answer one.

-- name: keep_keys
-- What comes back is fresh: a dated body is a repeat for ever, another one for ten minutes.
INSERT INTO callback_keys (key, kept_at, is_dated)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows) WHERE true
ON CONFLICT (key) DO UPDATE SET kept_at = excluded.kept_at
WHERE callback_keys.is_dated = 0 AND excluded.kept_at >= callback_keys.kept_at + :again_after
RETURNING key;

-- name: keep_callbacks
INSERT INTO callbacks (key, provider, received_at, body, state)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 'new' FROM json_each(:rows);

-- name: unapplied
-- What is new goes before what is replayed.
SELECT json_group_array(json_array(seq, key, provider, received_at, body)) FROM (
    SELECT seq, key, provider, received_at, body FROM callbacks
    WHERE state IN ('new', 'again') ORDER BY state DESC, seq LIMIT :most
);

-- name: still_open
-- Another node may have applied some meanwhile; of a replay, what led to an event is left out. The `+` keeps to the
-- row's number: the index of what is open would be walked through for each.
SELECT json_group_array(c.seq) FROM json_each(:rows) j
JOIN callbacks c ON c.seq = j.value ->> 0 AND +c.state IN ('new', 'again')
WHERE c.state = 'new' OR NOT EXISTS (SELECT 1 FROM events WHERE id = j.value ->> 1)
    AND NOT EXISTS (SELECT 1 FROM unmatched WHERE id = j.value ->> 1);

-- name: close_callbacks
UPDATE callbacks SET state = j.value ->> 1, note = j.value ->> 2 FROM json_each(:rows) j
WHERE callbacks.seq = j.value ->> 0 AND +callbacks.state IN ('new', 'again');

-- name: candidates
-- The pair of id and recipient names a message: our own id, an email's with several recipients, or the
-- provider's. Only our own message id may stand alone, because it never names two.
SELECT json_group_array(json_array(n, match, id)) FROM (
    SELECT j.key AS n, 'id' AS match, m.id AS id FROM json_each(:rows) j
    JOIN messages m ON m.id = j.value ->> 0
    WHERE j.value ->> 1 IS NULL OR lower(m.recipient) = j.value ->> 1
    UNION ALL
    SELECT j.key, 'id', m.id FROM json_each(:rows) j
    JOIN messages m ON m.email_id = j.value ->> 0 AND m.email_id <> m.id
    WHERE lower(m.recipient) = j.value ->> 1
    UNION ALL
    SELECT j.key, 'reference', m.id FROM json_each(:rows) j
    JOIN messages m ON m.provider_ref = j.value ->> 0 AND m.provider_ref <> m.id AND m.is_sandbox = 0
    WHERE lower(m.recipient) = j.value ->> 1 AND m.provider = j.value ->> 2
);

-- name: guesses
-- Two are as many as it takes to see that none of them may be guessed. An event that names an id, which is not known,
-- is about no mail of which another id is known. What came before the first request that the provider may have taken is
-- about no mail of that request, whatever its date says.
SELECT json_group_array(json_array(j.key, json((
    SELECT json_group_array(id) FROM (
        SELECT m.id FROM json_each(j.value ->> 4) day
        JOIN messages m ON m.accepted_at / 86400000000 = day.value AND lower(m.recipient) = j.value ->> 0
        WHERE m.accepted_at BETWEEN j.value ->> 1 AND j.value ->> 2 AND m.accepted_at IS NOT NULL
            AND (m.provider_ref IS NULL OR j.value ->> 5) AND m.is_sandbox = 0
            AND m.provider = j.value ->> 3
            AND EXISTS (
                SELECT 1 FROM attempts a WHERE a.message_id = m.id AND a.provider = m.provider
                    AND a.outcome IN ('accepted', 'unclear') AND a.started_at <= j.value ->> 6
            )
        LIMIT 2
    ))))) FROM json_each(:rows) j;

-- name: in_doubt
-- Whoever has mail of which nobody knows yet whether it was taken: an event may be about that.
SELECT json_group_array(lower(m.recipient)) FROM (
    SELECT id FROM outbox WHERE state = 'leased'
    UNION ALL SELECT id FROM outbox WHERE state IN ('unclear', 'held') LIMIT :most
) o JOIN messages m ON m.id = o.id;

-- name: standings
SELECT json_group_array(json_array(m.id, coalesce(o.state, m.state), m.evidence, m.accepted_at, m.delivered_at,
    m.opened_at, m.clicked_at, m.told, m.reason, o.attempts, o.lease, o.provider, m.email_id, m.recipient,
    e.sender, e.extras -> '$.tags', m.is_sandbox))
FROM json_each(:ids) j
JOIN messages m ON m.id = j.value
JOIN emails e ON e.id = m.email_id
LEFT JOIN outbox o ON o.id = m.id;

-- name: insert_events
INSERT INTO events (id, message_id, kind, at, received_at, provider, match, recipient, reference, bounce,
    is_scanner, facts)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9, value ->> 10, value ->> 11
FROM json_each(:rows) WHERE true
ON CONFLICT (id) DO NOTHING;

-- name: tell_messages
-- A leased message keeps its state: the settle of that lease reads the evidence.
UPDATE messages SET
    state = coalesce(j.value ->> 1, state), evidence = j.value ->> 2, reason = j.value ->> 3,
    delivered_at = j.value ->> 4, opened_at = j.value ->> 5, clicked_at = j.value ->> 6, told = j.value ->> 7
FROM json_each(:rows) j WHERE messages.id = j.value ->> 0;

-- name: mark_scans
-- The delivery became known after opens that were too near to it.
UPDATE events SET is_scanner = 1
WHERE message_id = :message_id AND +kind = 'opened' AND is_scanner = 0 AND at BETWEEN :since AND :until
RETURNING at;

-- name: first_open
SELECT min(at) FROM events WHERE message_id = :message_id AND +kind = 'opened' AND is_scanner = 0;

-- name: unmark_open
UPDATE messages SET opened_at = :opened_at, told = :told WHERE id = :message_id;

-- name: insert_unmatched
INSERT INTO unmatched (id, kind, at, received_at, provider, recipient, reference, bounce, facts, due_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9
FROM json_each(:rows) WHERE true
ON CONFLICT (id) DO NOTHING;

-- name: due_unmatched
SELECT json_group_array(json_array(id, kind, at, received_at, provider, recipient, reference, bounce, facts)) FROM (
    SELECT * FROM unmatched WHERE due_at IS NOT NULL AND due_at <= :now ORDER BY due_at LIMIT :most
);

-- name: look_again
UPDATE unmatched SET due_at = j.value ->> 1 FROM json_each(:rows) j WHERE unmatched.id = j.value ->> 0;

-- name: drop_unmatched
DELETE FROM unmatched WHERE id IN (SELECT value FROM json_each(:ids));

-- name: reopen_all
-- A page of what follows `after`, so that no transaction is long.
UPDATE callbacks SET state = 'again'
WHERE seq IN (SELECT seq FROM callbacks WHERE seq > :after AND received_at >= :since ORDER BY seq LIMIT :most)
RETURNING seq;

-- name: reopen_aside
UPDATE callbacks SET state = 'again'
WHERE seq IN (
    SELECT seq FROM callbacks WHERE state IN ('nothing', 'broken') AND seq > :after AND received_at >= :since
    ORDER BY seq LIMIT :most
) RETURNING seq;

-- name: ask_for_unmatched
UPDATE unmatched SET due_at = :now WHERE received_at >= :since;

-- name: callbacks_at
SELECT seq, key, provider, received_at, body, state, note FROM callbacks WHERE received_at = :at ORDER BY seq;

-- name: set_aside
SELECT seq, key, provider, received_at, body, state, note FROM callbacks
WHERE state IN ('nothing', 'broken') AND seq < :before ORDER BY seq DESC LIMIT :most;

-- name: reopen_one
UPDATE callbacks SET state = 'again' WHERE seq = :seq;

-- name: ask_for_one
UPDATE unmatched SET due_at = :now WHERE id = :id;

-- name: note_transient
INSERT INTO transient_bounces (address, event_id, at)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING;

-- name: transient_times
SELECT json_group_array(json_array(address, at)) FROM transient_bounces
WHERE address IN (SELECT value FROM json_each(:addresses));

-- name: forget_bounces_of
DELETE FROM transient_bounces WHERE address IN (SELECT value FROM json_each(:addresses));

-- name: counted_keys
SELECT json_group_array(json_array(k.day, k.kind, k.key)) FROM json_each(:rows) j
JOIN rollup_keys k ON k.day = j.value ->> 0 AND k.kind = j.value ->> 1 AND k.key = j.value ->> 2;

-- name: keys_of_day
SELECT count(*) FROM rollup_keys WHERE day = :day AND kind = :kind;

-- name: add_counted_keys
INSERT INTO rollup_keys (day, kind, key)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING;

-- name: note_activity
INSERT INTO activity (id, at, who, what, subject, facts)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each(:rows) WHERE true
ON CONFLICT (id) DO UPDATE SET at = excluded.at, facts = excluded.facts;

-- name: refused_before
SELECT facts FROM activity WHERE id = :id;

-- name: last_callback
SELECT received_at FROM callbacks ORDER BY seq DESC LIMIT 1;

-- name: intake_counts
-- Ten thousand is many: beyond it nobody needs the number, and the count would grow slow.
SELECT (SELECT count(*) FROM (SELECT 1 FROM callbacks WHERE state IN ('new', 'again') LIMIT 10000)),
    (SELECT count(*) FROM (SELECT 1 FROM unmatched LIMIT 10000)),
    (SELECT count(*) FROM (SELECT 1 FROM callbacks WHERE state IN ('nothing', 'broken') LIMIT 10000));

-- name: forget_callbacks
-- Only the oldest are looked at, so that a round costs the same with ten rows and ten million. The last one
-- stays: it says when the provider last spoke.
DELETE FROM callbacks WHERE seq IN (
    SELECT seq FROM (SELECT seq, received_at, state FROM callbacks ORDER BY seq LIMIT :most)
    WHERE received_at < :before AND state NOT IN ('new', 'again')
) AND seq < (SELECT max(seq) FROM callbacks);

-- name: forget_keys
DELETE FROM callback_keys WHERE key IN (
    SELECT key FROM (
        SELECT key FROM callback_keys WHERE is_dated = 0 AND kept_at < :undated_before
        UNION ALL SELECT key FROM callback_keys WHERE is_dated = 1 AND kept_at < :before
    ) LIMIT :most
);

-- name: forget_unmatched
-- Ids begin with the time of receipt.
DELETE FROM unmatched WHERE id IN (
    SELECT id FROM (SELECT id, received_at FROM unmatched ORDER BY id LIMIT :most) WHERE received_at < :before
);

-- name: forget_transient
DELETE FROM transient_bounces WHERE at < :before;

-- name: forget_counted_keys
DELETE FROM rollup_keys WHERE day < :day;
