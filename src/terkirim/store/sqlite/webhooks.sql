-- Webhooks. What is told (`tell_...`) is written by the transaction in which it happens. As in queries.sql, bulk
-- statements take one JSON array.

-- name: tell_ended
-- The rows are those of `finish_messages`. Where nobody wants to be told, they are not even looked at.
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT w.type, coalesce(j.value ->> 8, :now), j.value ->> 0,
    json_object('reason', j.value ->> 2, 'sandbox', coalesce(j.value ->> 7, 0))
FROM webhook_wanted w CROSS JOIN json_each(:rows) j
WHERE w.type IN ('email.sent', 'email.failed', 'email.suppressed') AND w.type = CASE
    WHEN j.value ->> 1 = 'dead' THEN 'email.failed'
    WHEN j.value ->> 1 = 'suppressed' THEN 'email.suppressed'
    WHEN j.value ->> 1 = 'accepted' OR j.value ->> 8 IS NOT NULL THEN 'email.sent' END;

-- name: tell_delayed
-- The rows are those of `move`: back in the queue after the first attempt.
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT w.type, :now, j.value ->> 0, json_object('reason', j.value ->> 7)
FROM webhook_wanted w CROSS JOIN json_each(:rows) j
WHERE w.type = 'email.delivery_delayed' AND j.value ->> 1 = 'queued' AND j.value ->> 6 = 1;

-- name: tell_restated
-- The rows are those of `restate`: the first attempt was unclear, and is made again.
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT w.type, :now, o.id, json_object('reason', o.reason)
FROM webhook_wanted w CROSS JOIN json_each(:rows) j JOIN outbox o ON o.id = j.value ->> 0
WHERE w.type = 'email.delivery_delayed' AND j.value ->> 1 = 'queued' AND o.attempts = 1;

-- name: tell
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT w.type, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM webhook_wanted w CROSS JOIN json_each(:rows) j WHERE w.type = j.value ->> 0;

-- name: add_endpoint
INSERT INTO webhook_endpoints (id, url, types, secret, created_at) VALUES (:id, :url, :types, :secret, :created_at);

-- name: begin_log
-- Nobody was told of what is in the log of events by now, and nobody is.
INSERT INTO webhook_cursor (one, seq)
SELECT 1, (SELECT coalesce(max(seq), 0) FROM events) WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints)
ON CONFLICT (one) DO UPDATE SET seq = max(webhook_cursor.seq, excluded.seq);

-- name: endpoints
SELECT id, url, types, created_at, why_disabled, failing_since, failures, iif(old_secret IS NULL, NULL, old_until)
FROM webhook_endpoints WHERE :id IS NULL OR id = :id ORDER BY created_at, id;

-- name: change_endpoint
-- Whoever enables it lets it begin anew.
UPDATE webhook_endpoints SET url = coalesce(:url, url), types = coalesce(:types, types),
    why_disabled = CASE WHEN :is_enabled IS NULL THEN why_disabled WHEN :is_enabled THEN NULL
        ELSE coalesce(why_disabled, '') END,
    failing_since = iif(:is_enabled, NULL, failing_since), failures = iif(:is_enabled, 0, failures)
WHERE id = :id;

-- name: want_nothing
DELETE FROM webhook_wanted;

-- name: want
INSERT INTO webhook_wanted (type) SELECT value FROM json_each(:types);

-- name: forget_facts
DELETE FROM webhook_facts;

-- name: rotate_secret
UPDATE webhook_endpoints SET old_secret = secret, old_until = :old_until, secret = :secret WHERE id = :id;

-- name: remove_endpoint
DELETE FROM webhook_endpoints WHERE id = :id;

-- name: some_deliveries
SELECT payload_id FROM webhook_deliveries WHERE endpoint_id = :id LIMIT :most;

-- name: drop_attempts
DELETE FROM webhook_attempts
WHERE payload_id IN (SELECT value FROM json_each(:ids)) AND (:endpoint IS NULL OR endpoint_id = :endpoint);

-- name: drop_deliveries
DELETE FROM webhook_deliveries
WHERE payload_id IN (SELECT value FROM json_each(:ids)) AND (:endpoint IS NULL OR endpoint_id = :endpoint);

-- name: wanted
SELECT type FROM webhook_wanted;

-- name: cursor
SELECT seq FROM webhook_cursor;

-- name: fresh_facts
SELECT f.seq, f.type, f.at, f.facts, m.id, m.email_id, m.recipient, m.is_sandbox, e.sender, e.sender_name,
    e.recipients, e.subject, e.extras, e.created_at, e.campaign, e.row
FROM (SELECT * FROM webhook_facts ORDER BY seq LIMIT :most) f
LEFT JOIN messages m ON m.id = f.message_id LEFT JOIN emails e ON e.id = m.email_id ORDER BY f.seq;

-- name: fresh_events
-- As above; nobody is told of a scanner's opens.
SELECT v.seq, iif(v.is_scanner, '', 'email.' || v.kind), v.at, v.facts, m.id, m.email_id, m.recipient, m.is_sandbox,
    e.sender, e.sender_name, e.recipients, e.subject, e.extras, e.created_at, e.campaign, e.row, v.bounce
FROM (SELECT * FROM events WHERE seq > :after ORDER BY seq LIMIT :most) v
LEFT JOIN messages m ON m.id = v.message_id LEFT JOIN emails e ON e.id = m.email_id ORDER BY v.seq;

-- name: unpublished
-- How many of these are still there: another node may have published them.
SELECT count(*) FROM webhook_facts WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: erased_since
-- Of messages whose recipient is another one than was read: a person was forgotten meanwhile.
SELECT count(*) FROM json_each(:rows) j JOIN messages m ON m.id = j.value ->> 0 WHERE m.recipient <> j.value ->> 1;

-- name: drop_facts
DELETE FROM webhook_facts WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: set_cursor
UPDATE webhook_cursor SET seq = :upto;

-- name: insert_payloads
INSERT INTO webhook_payloads (id, type, at, message_id, body)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING;

-- name: insert_deliveries
INSERT INTO webhook_deliveries (payload_id, endpoint_id, state, since, due_at)
SELECT j.value ->> 0, e.id, iif(e.why_disabled IS NULL, 'waiting', 'held'), :now, iif(e.why_disabled IS NULL, :now, NULL)
FROM json_each(:rows) j JOIN webhook_endpoints e
ON e.types = '[]' OR EXISTS (SELECT 1 FROM json_each(e.types) t WHERE t.value = j.value ->> 1);

-- name: insert_leased
INSERT INTO webhook_deliveries (payload_id, endpoint_id, state, since, due_at, lease)
VALUES (:payload, :endpoint, 'waiting', :now, :until, 1) ON CONFLICT DO NOTHING;

-- name: due_endpoints
SELECT id, failures > 0 FROM webhook_endpoints e WHERE why_disabled IS NULL AND EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.due_at <= :now);

-- name: take
-- Its due time becomes the end of the lease: whoever dies with it leaves it to the next one.
UPDATE webhook_deliveries SET lease = lease + 1, due_at = :until
WHERE endpoint_id = :id AND payload_id IN (
    SELECT payload_id FROM webhook_deliveries d WHERE d.endpoint_id = :id AND d.state = 'waiting' AND d.due_at <= :now
    ORDER BY d.due_at, d.payload_id LIMIT :most)
    AND EXISTS (SELECT 1 FROM webhook_endpoints WHERE id = :id AND why_disabled IS NULL)
RETURNING endpoint_id, payload_id, lease, attempts, since;

-- name: tasks
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, e.url, e.secret,
    iif(e.old_until > :now, e.old_secret, NULL), p.body, p.type
FROM json_each(:rows) j JOIN webhook_endpoints e ON e.id = j.value ->> 0 JOIN webhook_payloads p ON p.id = j.value ->> 1;

-- name: keep_attempts
INSERT INTO webhook_attempts (payload_id, endpoint_id, number, at, duration, code, reason, answer)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM json_each(:rows) WHERE true ON CONFLICT DO NOTHING RETURNING payload_id, endpoint_id, number;

-- name: end_deliveries
-- The lease fences off a courier that woke up late. What was held meanwhile may have arrived all the same.
UPDATE webhook_deliveries SET state = j.value ->> 3, due_at = j.value ->> 4, attempts = j.value ->> 5
FROM json_each(:rows) j
WHERE webhook_deliveries.payload_id = j.value ->> 0 AND webhook_deliveries.endpoint_id = j.value ->> 1
    AND webhook_deliveries.lease = j.value ->> 2 AND webhook_deliveries.state IN ('waiting', 'held')
RETURNING payload_id, endpoint_id;

-- name: note_success
UPDATE webhook_endpoints SET failing_since = NULL, failures = 0
WHERE failures > 0 AND id IN (SELECT value FROM json_each(:ids));

-- name: note_failures
UPDATE webhook_endpoints SET failures = failures + (j.value ->> 1), failing_since = coalesce(failing_since, j.value ->> 2)
FROM json_each(:rows) j WHERE webhook_endpoints.id = j.value ->> 0
RETURNING id, failures, failing_since;

-- name: disable
UPDATE webhook_endpoints SET why_disabled = :why WHERE id = :id AND why_disabled IS NULL RETURNING url;

-- name: has_to_hold
SELECT 1 FROM webhook_endpoints e WHERE why_disabled IS NOT NULL AND EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting') LIMIT 1;

-- name: hold
UPDATE webhook_deliveries SET state = 'held', due_at = NULL WHERE (payload_id, endpoint_id) IN (
    SELECT d.payload_id, d.endpoint_id FROM webhook_endpoints e
    CROSS JOIN webhook_deliveries d ON d.endpoint_id = e.id AND d.state = 'waiting'
    WHERE e.why_disabled IS NOT NULL LIMIT :most);

-- name: attempts
SELECT at, duration, code, reason, answer FROM webhook_attempts
WHERE payload_id = :payload AND endpoint_id = :endpoint ORDER BY number;

-- name: replay
-- The lease of an attempt that is in the air goes on counting, but its end no longer does.
UPDATE webhook_deliveries SET state = 'waiting', since = :now, due_at = :now, attempts = 0, lease = lease + 1
WHERE payload_id = :payload AND endpoint_id = :endpoint;

-- name: replay_range
-- What was asked for again since `:now` is not asked for a second time.
UPDATE webhook_deliveries SET state = 'waiting', since = :now, due_at = :now, attempts = 0, lease = lease + 1
WHERE endpoint_id = :endpoint AND payload_id IN (
    SELECT payload_id FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint
        AND d.payload_id >= :low AND d.payload_id < :high AND d.since < :now
        AND d.state IN (SELECT value FROM json_each(:states))
    ORDER BY d.payload_id LIMIT :most);

-- name: counts
SELECT (SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE state = 'waiting' LIMIT :most)),
    (SELECT count(*) FROM (
        SELECT 1 FROM webhook_deliveries WHERE state = 'held' AND state <> 'delivered' LIMIT :most));

-- name: old_payloads
SELECT id FROM webhook_payloads p WHERE id < :bound AND NOT EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.payload_id = p.id AND d.state = 'waiting') ORDER BY id LIMIT :most;

-- name: drop_payloads
DELETE FROM webhook_payloads WHERE id IN (SELECT value FROM json_each(:ids));

-- name: payloads_of_emails
SELECT p.id, p.body FROM webhook_payloads p WHERE p.message_id IN (
    SELECT value FROM json_each(:ids)
    UNION SELECT m.id FROM json_each(:ids) j JOIN messages m ON m.email_id = j.value AND m.email_id <> m.id);

-- name: blank_payloads
-- Of what the emails were about nothing stays.
UPDATE webhook_payloads SET body = json_remove(json_set(body, '$.data.subject', ''), '$.data.tags')
WHERE message_id IN (
    SELECT value FROM json_each(:ids)
    UNION SELECT m.id FROM json_each(:ids) j JOIN messages m ON m.email_id = j.value AND m.email_id <> m.id);

-- name: blank_readers
-- Where from and with what a person read a mail.
UPDATE webhook_payloads SET body = json_remove(body, '$.data.open', '$.data.click')
WHERE message_id IN (SELECT value FROM json_each(:ids)) AND type IN ('email.opened', 'email.clicked');

-- name: facts_with
SELECT seq, facts FROM webhook_facts WHERE instr(lower(facts), :address);

-- name: retell_facts
-- As new ones: whoever has read them, and is about to publish them, begins again.
INSERT INTO webhook_facts (type, at, message_id, facts)
SELECT f.type, f.at, f.message_id, j.value ->> 1 FROM json_each(:rows) j JOIN webhook_facts f ON f.seq = j.value ->> 0;

-- name: payloads_of_nobody
SELECT id, body FROM webhook_payloads WHERE message_id IS NULL AND instr(lower(body), :address);

-- name: answers_with
SELECT payload_id, endpoint_id, number, answer FROM webhook_attempts WHERE instr(lower(answer), :address);

-- name: rewrite_payloads
UPDATE webhook_payloads SET body = j.value ->> 1 FROM json_each(:rows) j WHERE webhook_payloads.id = j.value ->> 0;

-- name: rewrite_answers
UPDATE webhook_attempts SET answer = j.value ->> 3 FROM json_each(:rows) j
WHERE payload_id = j.value ->> 0 AND endpoint_id = j.value ->> 1 AND number = j.value ->> 2;
