-- Bulk statements take one JSON array of objects: a whole group costs one round trip, and less on both ends than arrays
-- by column (but for long texts, which JSON makes the server read twice). Rows that more than one node may want are
-- locked in the order of their keys, outbox before messages, so that nodes wait for each other and never in a circle.
--
-- Plans are kept, and may have been made while the tables were empty. So each look at a large table is bounded whatever
-- the plan is: by `= ANY (:ids)`, by LATERAL (... OFFSET 0), or by standing in a column of the answer. A plain JOIN would
-- be free to read the table as a whole.

-- name: lock_keys
-- Whoever uses a key elsewhere holds its lock until its COMMIT. Nobody waits here: the whole group would wait with him.
SELECT lock FROM unnest(:lock::bigint[]) AS j (lock) WHERE pg_try_advisory_xact_lock(lock);

-- name: take_keys
-- The key, the emails and the answer commit together: a crash between them cannot happen.
INSERT INTO idempotency (owner, route, key, fingerprint, answer, created_at)
SELECT * FROM json_to_recordset(:rows::json) AS j (owner text, route text, key text, fingerprint text, answer text,
    created_at bigint)
ON CONFLICT (owner, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at
WHERE idempotency.created_at < :forgotten
RETURNING owner, route, key;

-- name: taken_keys
SELECT i.owner, i.route, i.key, i.fingerprint, i.answer, i.created_at
FROM json_to_recordset(:rows::json) AS j (owner text, route text, key text)
CROSS JOIN LATERAL (
    SELECT * FROM idempotency WHERE owner = j.owner AND route = j.route AND key = j.key OFFSET 0
) i;

-- name: keep_answers
-- Who was suppressed at birth is known only after the key was taken.
UPDATE idempotency i SET answer = j.answer
FROM json_to_recordset(:rows::json) AS j (owner text, route text, key text, answer text)
WHERE i.owner = j.owner AND i.route = j.route AND i.key = j.key;

-- name: take_campaign_rows
-- Not for a person who was erased either: the row has a digest in its place.
INSERT INTO campaign_rows (campaign, row, email_id)
SELECT j.campaign, j.row, j.email_id
FROM json_to_recordset(:rows::json) AS j (campaign text, row text, email_id text, erased text)
WHERE (SELECT r.row FROM campaign_rows r WHERE r.campaign = j.campaign AND r.row = j.erased) IS NULL
ON CONFLICT DO NOTHING;

-- name: campaign_rows
SELECT j.email_id
FROM json_to_recordset(:rows::json) AS j (campaign text, row text, email_id text)
WHERE (SELECT r.email_id FROM campaign_rows r WHERE r.campaign = j.campaign AND r.row = j.row) = j.email_id;

-- name: insert_attachments
INSERT INTO attachments (sha256, body, kept_until)
SELECT * FROM unnest(:sha256::text[], :body::bytea[], :kept_until::bigint[])
ON CONFLICT (sha256) DO UPDATE SET kept_until = greatest(attachments.kept_until, excluded.kept_until);

-- name: insert_uses
INSERT INTO attachment_uses (sha256, email_id)
SELECT * FROM json_to_recordset(:rows::json) AS j (sha256 text, email_id text)
ON CONFLICT DO NOTHING;

-- name: insert_contents
-- The same body under the same id is stored once, however many emails share it.
INSERT INTO contents (id, html, text, is_template)
SELECT * FROM unnest(:id::text[], :html::text[], :text::text[], :is_template::boolean[])
ON CONFLICT DO NOTHING;

-- name: contents_of
SELECT DISTINCT (SELECT e.content_id FROM emails e WHERE e.id = m.email_id)
FROM messages m WHERE m.id = ANY (:id::text[]);

-- name: hold_contents
-- Retention, which looks for a body's last email, waits for this COMMIT; what it has dropped is not answered.
SELECT id FROM contents WHERE id = ANY (:id::text[]) ORDER BY id FOR KEY SHARE;

-- name: insert_emails
-- Ids are ours: a COMMIT of unknown result is repeated, and the repeat changes nothing.
INSERT INTO emails (id, owner, sender_name, sender, subject, recipients, extras, route, priority, stream,
    if_unclear, created_at, scheduled_at, expires_at, campaign, row, content_id)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, owner text, sender_name text, sender text, subject text,
    recipients text, extras text, route text, priority smallint, stream text, if_unclear text, created_at bigint,
    scheduled_at bigint, expires_at bigint, campaign text, row text, content_id text)
ON CONFLICT DO NOTHING;

-- name: suppressed
-- Asked at birth and again at every claim (see `written` too): mail may have waited for days.
SELECT j.id, s.reason
FROM json_to_recordset(:rows::json) AS j (id text, address text, stream text)
CROSS JOIN LATERAL (
    SELECT reason FROM suppressions
    WHERE address = j.address AND stream IN ('', j.stream) AND (until IS NULL OR until > :now) OFFSET 0
) s;

-- name: insert_messages
-- Answers what is new, and only that goes to the outbox: the repeat of a COMMIT whose word was lost may come after the
-- message has left.
INSERT INTO messages (id, email_id, recipient, kind, variables, created_at, state, reason, finished_at)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, email_id text, recipient text, kind text, variables
    text, created_at bigint, state text, reason text, finished_at bigint)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: insert_outbox
INSERT INTO outbox (state, id, email_id, route, priority, due_at, expires_at)
SELECT 'queued', * FROM json_to_recordset(:rows::json) AS j (id text, email_id text, route text, priority smallint,
    due_at bigint, expires_at bigint)
ON CONFLICT DO NOTHING;

-- name: count_up
-- Sorted by key, and over several rows: nodes seldom wait for each other here, and never in a circle.
INSERT INTO rollups (hour, kind, key, node, count)
SELECT j.hour, j.kind, j.key, :node::text, j.count
FROM json_to_recordset(:rows::json) AS j (hour bigint, kind text, key text, count bigint)
ON CONFLICT (kind, hour, key, node) DO UPDATE SET count = rollups.count + excluded.count;

-- name: due
-- One range of the index a priority, oldest first: the cost does not grow with what waits behind it. What another node
-- is claiming is passed over.
SELECT j.priority, d.id
FROM unnest('{0,1,2}'::smallint[]) AS j (priority)
CROSS JOIN LATERAL (
    SELECT id FROM outbox
    WHERE state = 'queued' AND hold = '' AND route = :route AND position = :position
        AND priority = j.priority AND due_at <= :now
    ORDER BY due_at LIMIT :most::bigint
    FOR UPDATE SKIP LOCKED
) d;

-- name: next_at
-- When asking again may bring more: a due time, or the sweep's work.
SELECT min(at) FROM (
    SELECT d.due_at AS at
    FROM json_to_recordset(:rows::json) AS l (route text, position smallint)
    CROSS JOIN unnest('{0,1,2}'::smallint[]) AS j (priority)
    CROSS JOIN LATERAL (
        SELECT due_at FROM outbox
        WHERE state = 'queued' AND hold = '' AND route = l.route AND position = l.position
            AND priority = j.priority AND due_at > :now
        ORDER BY due_at LIMIT 1
    ) d
    UNION ALL SELECT greatest(u.due_at, :now + 1)
    FROM (SELECT due_at FROM outbox WHERE state = 'unclear' ORDER BY due_at LIMIT 1) u
    UNION ALL SELECT greatest(x.expires_at, :now + 1)
    FROM (
        SELECT expires_at FROM outbox WHERE expires_at IS NOT NULL AND state <> 'leased'
        ORDER BY expires_at LIMIT 1
    ) x
) t;

-- name: work
-- The leases, and what the outbox knows of each. Another provider than last time: the schedule starts again. The fence
-- only ever grows.
UPDATE outbox o SET
    state = 'leased', lease = lease + 1, leased_by = :node, leased_until = :until,
    step = CASE WHEN o.provider IS NULL OR o.provider = j.provider THEN step ELSE 0 END,
    provider = j.provider, position = j.position
FROM json_to_recordset(:rows::json) AS j (id text, provider text, position smallint)
WHERE o.id = j.id AND o.id = ANY (:ids::text[])
RETURNING o.id, o.email_id, o.lease, o.provider, o.route, o.position, o.step, o.waited, o.attempts, o.priority,
    o.due_at, o.expires_at, o.cancel_wanted;

-- name: written
-- What is to be sent, as it was submitted; the last column is why the recipient is suppressed, if it is.
SELECT m.id, e.if_unclear, m.created_at, e.sender, e.sender_name, m.recipient, m.variables, e.subject, e.extras,
    e.content_id, c.html, c.text, c.is_template, e.scheduled_at,
    (SELECT s.reason FROM suppressions s WHERE s.address = lower(m.recipient) AND s.stream IN ('', e.stream)
        AND (s.until IS NULL OR s.until > :now) LIMIT 1)
FROM messages m
CROSS JOIN LATERAL (SELECT * FROM emails WHERE id = m.email_id OFFSET 0) e
CROSS JOIN LATERAL (SELECT * FROM contents WHERE id = e.content_id OFFSET 0) c
WHERE m.id = ANY (:id::text[]);

-- name: still_leased
-- Which leases of a claim whose COMMIT was never answered are ours: nobody else knows of them.
SELECT o.id
FROM json_to_recordset(:rows::json) AS j (id text, lease bigint)
JOIN outbox o ON o.id = j.id AND o.lease = j.lease
WHERE o.id = ANY (:ids::text[]) AND o.state = 'leased' AND o.leased_by = :node;

-- name: unlease
-- No request left: the row is as it was, but its fence stays. A cancel that was asked meanwhile ends it now.
UPDATE outbox SET state = 'queued', leased_by = NULL, leased_until = NULL, hold = j.hold
FROM json_to_recordset(:rows::json) AS j (id text, lease bigint, hold text)
WHERE outbox.id = j.id AND outbox.lease = j.lease AND outbox.state = 'leased' AND outbox.id = ANY (:ids::text[])
RETURNING outbox.id, outbox.provider, outbox.attempts, outbox.lease, outbox.cancel_wanted;

-- name: end_told
-- A provider's word that came while the lease was out ends the row when the lease comes back unused: what it
-- has is not sent again.
SELECT o.id, m.evidence, o.attempts, o.lease FROM unnest(:id::text[]) AS j (id)
JOIN outbox o ON o.id = j.id AND o.state = 'queued'
JOIN messages m ON m.id = o.id AND m.evidence IS NOT NULL;

-- name: in_air
SELECT count(*) FROM outbox WHERE state = 'leased' AND provider = :provider;

-- name: in_air_by_provider
SELECT provider, count(*) FROM outbox WHERE state = 'leased' GROUP BY provider;

-- name: keep_attempts
-- A rescued lease left an "unclear" attempt behind; the late word of the same lease replaces it. What is kept already is
-- not answered: a settle whose COMMIT lost its word is repeated, and counts once. Of what is replaced it answers when that
-- began; a rescue of this very moment, which this statement cannot see, began in the same hour.
INSERT INTO attempts (message_id, lease, number, provider, started_at, duration, outcome, code, reason, answer)
SELECT * FROM json_to_recordset(:rows::json) AS j (id text, lease bigint, number integer, provider text, started_at
    bigint, duration bigint, outcome text, code text, reason text, answer text)
ON CONFLICT (message_id, lease) DO UPDATE SET
    started_at = excluded.started_at, duration = excluded.duration, outcome = excluded.outcome,
    code = excluded.code, reason = excluded.reason, answer = excluded.answer
WHERE (attempts.started_at, attempts.duration, attempts.outcome)
    IS DISTINCT FROM (excluded.started_at, excluded.duration, excluded.outcome)
RETURNING message_id, lease, CASE WHEN xmax <> 0 THEN coalesce(
    (SELECT a.started_at FROM attempts a WHERE a.message_id = attempts.message_id AND a.lease = attempts.lease),
    started_at) END;

-- name: note_late
UPDATE attempts SET note = 'accepted late: sent twice'
FROM json_to_recordset(:rows::json) AS j (id text, lease bigint)
WHERE attempts.message_id = j.id AND attempts.lease = j.lease AND attempts.outcome = 'accepted'
    AND attempts.message_id = ANY (:ids::text[]);

-- name: end_leases
-- The lease number fences off a worker that woke up late; a late word of the newest lease still counts. What ends for
-- good goes at once: whoever writes evidence at this moment has locked the row, and is waited for.
DELETE FROM outbox o
USING json_to_recordset(:rows::json) AS j (id text, lease bigint)
WHERE o.id = j.id AND o.lease = j.lease AND o.state IN ('leased', 'unclear') AND o.id = ANY (:ids::text[])
RETURNING o.id, o.lease;

-- name: end_messages
-- Only where no evidence came first: that outranks what is written here. What the customer's app is to be told of is
-- written with it; where nobody wants to be told, that costs nothing.
WITH j AS MATERIALIZED (
    UPDATE messages m SET
        state = j.state, reason = j.reason, attempts = j.attempts, lease = j.lease, provider = j.provider,
        provider_ref = coalesce(j.provider_ref, m.provider_ref), is_sandbox = coalesce(j.is_sandbox, false),
        accepted_at = coalesce(j.accepted_at, m.accepted_at), finished_at = :now
    FROM json_to_recordset(:rows::json) AS j (id text, state text, reason text, attempts integer, lease bigint,
        provider text, provider_ref text, is_sandbox boolean, accepted_at bigint)
    WHERE m.id = j.id AND m.evidence IS NULL AND m.id = ANY (:ids::text[])
    RETURNING j.id, j.state, j.reason, j.is_sandbox, j.accepted_at
), told AS (
    INSERT INTO webhook_facts (type, at, message_id, facts)
    SELECT w.type, coalesce(j.accepted_at, :now), j.id,
        json_build_object('reason', j.reason, 'sandbox', coalesce(j.is_sandbox, false))::text
    FROM webhook_wanted w JOIN j ON w.type = CASE
        WHEN j.state = 'dead' THEN 'email.failed'
        WHEN j.state = 'suppressed' THEN 'email.suppressed'
        WHEN j.state = 'accepted' OR j.accepted_at IS NOT NULL THEN 'email.sent' END
)
SELECT FROM j;

-- name: told
SELECT id, evidence FROM messages WHERE id = ANY (:id::text[]) AND evidence IS NOT NULL;

-- name: live
-- As above, of what may wait again. The message is locked too: evidence that is being written at this moment is waited
-- for and read.
SELECT o.id, o.cancel_wanted, m.evidence, o.lease
FROM json_to_recordset(:rows::json) AS j (id text, lease bigint)
JOIN outbox o ON o.id = j.id AND o.lease = j.lease AND o.state IN ('leased', 'unclear')
JOIN messages m ON m.id = o.id
WHERE o.id = ANY (:ids::text[]) AND m.id = ANY (:ids::text[])
FOR UPDATE OF o, m;

-- name: standing
SELECT m.id, m.recipient, coalesce(o.state, m.state), m.email_id, coalesce(o.attempts, 0), coalesce(o.lease, 0)
FROM messages m
LEFT JOIN outbox o ON o.id = m.id AND o.id = ANY (:id::text[])
WHERE m.id = ANY (:id::text[])
ORDER BY m.id;

-- name: finish
-- What a provider said of the message meanwhile is the better reason.
WITH j AS MATERIALIZED (
    SELECT * FROM json_to_recordset(:rows::json) AS r (id text, state text, reason text, attempts integer, lease
        bigint, provider text, provider_ref text, is_sandbox boolean, accepted_at bigint)
), gone AS (
    DELETE FROM outbox WHERE id = ANY (:ids::text[])
), told AS (
    INSERT INTO webhook_facts (type, at, message_id, facts)
    SELECT w.type, coalesce(j.accepted_at, :now), j.id,
        json_build_object('reason', j.reason, 'sandbox', coalesce(j.is_sandbox, false))::text
    FROM webhook_wanted w JOIN j ON w.type = CASE
        WHEN j.state = 'dead' THEN 'email.failed'
        WHEN j.state = 'suppressed' THEN 'email.suppressed'
        WHEN j.state = 'accepted' OR j.accepted_at IS NOT NULL THEN 'email.sent' END
)
UPDATE messages SET
    state = j.state, attempts = j.attempts, lease = j.lease,
    reason = CASE WHEN j.reason = '' AND messages.evidence IS NOT NULL THEN messages.reason ELSE j.reason END,
    provider = coalesce(j.provider, messages.provider),
    provider_ref = coalesce(j.provider_ref, messages.provider_ref),
    is_sandbox = coalesce(j.is_sandbox, false), accepted_at = coalesce(j.accepted_at, messages.accepted_at),
    finished_at = :now
FROM j
WHERE messages.id = j.id AND messages.id = ANY (:ids::text[]);

-- name: move
-- Still unfinished: due again later, or unclear. The fence was checked by `live` in this transaction. The customer's app
-- is told of mail that is back in the queue after its first attempt.
WITH j AS MATERIALIZED (
    SELECT * FROM json_to_recordset(:rows::json) AS r (id text, state text, due_at bigint, step integer,
        position smallint, waited bigint, attempts integer, reason text, hold text)
), told AS (
    INSERT INTO webhook_facts (type, at, message_id, facts)
    SELECT w.type, :now::bigint, j.id, json_build_object('reason', j.reason)::text
    FROM webhook_wanted w JOIN j ON w.type = 'email.delivery_delayed' AND j.state = 'queued' AND j.attempts = 1
)
UPDATE outbox SET
    state = j.state, due_at = j.due_at, step = j.step, position = j.position, waited = j.waited,
    attempts = j.attempts, reason = j.reason, hold = j.hold, leased_by = NULL, leased_until = NULL
FROM j
WHERE outbox.id = j.id AND outbox.id = ANY (:ids::text[]);

-- name: lessees
SELECT DISTINCT leased_by FROM outbox WHERE state = 'leased' AND leased_by <> :node;

-- name: dead_nodes
-- One that has left, one whose session's lock is free, or one that was silent for too long.
SELECT j.node
FROM unnest(:nodes::text[]) AS j (node)
LEFT JOIN nodes n ON n.node = j.node
WHERE CASE
    WHEN n.node IS NULL THEN true
    WHEN n.lock IS NULL THEN n.seen_at < :silent_since
    ELSE pg_try_advisory_xact_lock(n.lock)
END;

-- name: overdue_leases
-- Never our own: a jump of the clock must not double what is in the air.
SELECT id, lease, attempts + 1, provider, step, waited,
    (SELECT e.if_unclear FROM emails e WHERE e.id = outbox.email_id)
FROM outbox
WHERE state = 'leased' AND leased_by <> :node
    AND (leased_until <= :now OR leased_by = ANY (:dead::text[]))
FOR UPDATE SKIP LOCKED;

-- name: rescue
UPDATE outbox SET
    state = 'unclear', due_at = j.due_at, waited = j.waited, attempts = attempts + 1, step = step + 1,
    leased_by = NULL, leased_until = NULL, reason = :reason
FROM json_to_recordset(:rows::json) AS j (id text, lease bigint, due_at bigint, waited bigint)
WHERE outbox.id = j.id AND outbox.lease = j.lease AND outbox.state = 'leased' AND outbox.id = ANY (:ids::text[]);

-- name: expired
SELECT id, state, attempts, lease FROM outbox
WHERE expires_at IS NOT NULL AND state <> 'leased' AND expires_at <= :now
LIMIT :most::bigint
FOR UPDATE SKIP LOCKED;

-- name: unclear_over
SELECT id, (SELECT e.if_unclear FROM emails e WHERE e.id = outbox.email_id), cancel_wanted, attempts, lease,
    (SELECT m.evidence FROM messages m WHERE m.id = outbox.id)
FROM outbox
WHERE state = 'unclear' AND due_at <= :now
LIMIT :most::bigint
FOR UPDATE SKIP LOCKED;

-- name: restate
-- Out of `unclear`, by its own rule: due now, or held for a person.
UPDATE outbox SET state = j.state, due_at = :now
FROM json_to_recordset(:rows::json) AS j (id text, state text)
WHERE outbox.id = j.id AND outbox.state = 'unclear' AND outbox.id = ANY (:ids::text[]);

-- name: ids_of
SELECT id FROM messages WHERE email_id = :id AND email_id <> id
UNION SELECT id FROM messages WHERE id = :id
ORDER BY id;

-- name: lock_outbox
SELECT id FROM outbox WHERE id = ANY (:id::text[]) ORDER BY id FOR UPDATE;

-- name: lock_messages
SELECT id FROM messages WHERE id = ANY (:id::text[]) ORDER BY id FOR UPDATE;

-- name: want_cancel
UPDATE outbox SET cancel_wanted = true WHERE state = 'leased' AND id = ANY (:id::text[]);

-- name: reschedule_outbox
-- Its life counts from the new time: what expired an hour after the old one does so after the new one.
UPDATE outbox SET due_at = :at, expires_at = expires_at + :at - due_at
WHERE state = 'queued' AND id = ANY (:id::text[]);

-- name: reschedule_email
UPDATE emails SET scheduled_at = :at, expires_at = expires_at + :at - coalesce(scheduled_at, created_at)
WHERE id = :id;

-- name: requeue_outbox
-- The fence goes on from the message's last lease, so that a worker from before still finds it shut.
INSERT INTO outbox (id, email_id, state, route, priority, due_at, lease, attempts)
SELECT m.id, m.email_id, 'queued', CASE WHEN e.route = ANY (:routes::text[]) THEN e.route ELSE :usual END,
    e.priority, :now::bigint, m.lease, m.attempts
FROM messages m
CROSS JOIN LATERAL (SELECT * FROM emails WHERE id = m.email_id OFFSET 0) e
WHERE m.id = ANY (:id::text[])
ON CONFLICT (id) DO UPDATE SET
    state = 'queued', due_at = excluded.due_at, step = 0, waited = 0, position = 0, provider = NULL, hold = '',
    cancel_wanted = false, reason = ''
WHERE outbox.state = 'held';

-- name: requeue_messages
UPDATE messages SET state = 'queued', reason = '', finished_at = NULL, accepted_at = NULL, is_sandbox = false
WHERE id = ANY (:id::text[]);

-- name: lanes
SELECT DISTINCT route, position FROM outbox;

-- name: reroute
-- A route that the settings no longer have becomes the default one; a place past its end, its start.
UPDATE outbox SET position = 0, route = CASE WHEN route = ANY (:routes::text[]) THEN route ELSE :usual END
WHERE id IN (
    SELECT o.id
    FROM json_to_recordset(:rows::json) AS j (route text, position smallint)
    JOIN outbox o ON o.route = j.route AND o.position = j.position
    LIMIT :most::bigint
    FOR UPDATE OF o SKIP LOCKED)
RETURNING id;

-- name: evidence_of
SELECT m.id, m.evidence, m.state, o.state, coalesce(o.attempts, m.attempts), coalesce(o.lease, m.lease)
FROM messages m
LEFT JOIN outbox o ON o.id = m.id AND o.id = ANY (:id::text[])
WHERE m.id = ANY (:id::text[]);

-- name: keep_evidence
UPDATE messages SET
    evidence = j.evidence, provider_ref = coalesce(j.provider_ref, messages.provider_ref),
    delivered_at = coalesce(messages.delivered_at, j.delivered_at)
FROM json_to_recordset(:rows::json) AS j (id text, evidence text, provider_ref text, delivered_at bigint)
WHERE messages.id = j.id AND messages.id = ANY (:ids::text[]);

-- name: restate_messages
UPDATE messages SET state = j.state
FROM json_to_recordset(:rows::json) AS j (id text, state text)
WHERE messages.id = j.id AND messages.id = ANY (:ids::text[]);

-- name: gates
SELECT json_build_object(
    'breakers', coalesce(
        (SELECT json_object_agg(provider, json_build_array(version, row::json)) FROM breakers), '{}'),
    'rates', coalesce((SELECT json_object_agg(provider, row::json) FROM rates), '{}'),
    'pauses', coalesce(
        (SELECT json_agg(json_build_array(provider, sender, fault, reason, since, until, lets_one)) FROM pauses), '[]'),
    'allowances', coalesce((SELECT json_object_agg(provider, rest) FROM allowances), '{}')
)::text;

-- name: lock_gates
-- Read again behind this lock, the rows are the newest, and what is written over them loses nobody's change.
SELECT 1 FROM (SELECT 1 FROM breakers ORDER BY provider FOR UPDATE) b
UNION ALL SELECT 1 FROM (SELECT 1 FROM rates ORDER BY provider FOR UPDATE) r
UNION ALL SELECT 1 FROM (SELECT 1 FROM allowances ORDER BY provider FOR UPDATE) a;

-- name: save_allowance
-- Only where there is still one: a reading may have lifted the reserve.
UPDATE allowances SET rest = :rest WHERE provider = :provider;

-- name: enter_rates
-- A row to lock, before the first claim: two nodes must not both start with a full bucket.
INSERT INTO rates (provider, row) SELECT j.provider, :row::text FROM unnest(:providers::text[]) AS j (provider)
ON CONFLICT DO NOTHING;

-- name: save_breaker
INSERT INTO breakers (provider, version, row) VALUES (:provider, :version, :row)
ON CONFLICT (provider) DO UPDATE SET version = excluded.version, row = excluded.row
WHERE breakers.version = excluded.version - 1
RETURNING provider;

-- name: save_rate
INSERT INTO rates (provider, row) VALUES (:provider, :row)
ON CONFLICT (provider) DO UPDATE SET row = excluded.row;

-- name: add_pause
-- What the provider says last is why it is paused; a person's pause stands.
INSERT INTO pauses (provider, sender, fault, reason, since, until)
VALUES (:provider, :sender, :fault, :reason, :since, :until)
ON CONFLICT (provider, sender) DO UPDATE SET fault = excluded.fault, reason = excluded.reason, until = excluded.until
WHERE pauses.fault NOT IN ('by hand', excluded.fault)
RETURNING provider;

-- name: lock_pauses
-- Held mail must have a pause that stands: whoever ends it waits for this COMMIT, and lets that mail go too.
SELECT p.provider, p.sender
FROM json_to_recordset(:rows::json) AS j (provider text, sender text)
JOIN pauses p ON p.provider = j.provider AND p.sender = j.sender
FOR SHARE OF p;

-- name: end_pause
-- With a fault: only a pause for it, because a person may have paused meanwhile.
DELETE FROM pauses
WHERE provider = :provider AND sender = :sender AND (:fault::text IS NULL OR fault = :fault)
RETURNING provider;

-- name: open_trial
UPDATE pauses SET lets_one = true
WHERE provider = :provider AND sender = :sender AND fault = :fault
RETURNING provider;

-- name: take_trial
-- Of two nodes that both saw it open, one gets it.
UPDATE pauses SET lets_one = false
WHERE provider = :provider AND sender = :sender AND lets_one
RETURNING provider;

-- name: let_one_go
UPDATE outbox SET hold = '' WHERE id = (
    SELECT id FROM outbox WHERE state = 'queued' AND hold = :hold ORDER BY due_at LIMIT 1) AND state = 'queued'
RETURNING id;

-- name: end_other_pause
DELETE FROM pauses WHERE provider = :provider AND sender = :sender AND fault <> 'by hand';

-- name: let_go
UPDATE outbox SET hold = '' WHERE hold = :hold AND state = 'queued';

-- name: waiting_on
SELECT hold, count(*) FROM outbox WHERE state = 'queued' AND hold > '' GROUP BY hold;

-- name: waiting_by_lane
SELECT route, position, count(*) FROM outbox
WHERE state = 'queued' AND hold = '' AND due_at <= :now GROUP BY route, position;

-- name: pauses
SELECT provider, sender, fault, reason, since, until FROM pauses ORDER BY since;

-- name: add_key
INSERT INTO api_keys (id, name, hash, prefix, scopes, created_at)
VALUES (:id, :name, :hash, :prefix, :scopes, :created_at)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: revoke_key
UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL RETURNING id;

-- name: keep_option
INSERT INTO options (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING;

-- name: option
SELECT value FROM options WHERE name = :name;

-- name: take_turn
-- One row a kind of work: whoever moves its due time first does it. A time that is due later than it could be was
-- written by a clock that was wrong: else the work would rest until that time comes.
INSERT INTO periodic (name, due_at) VALUES (:name, :next)
ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
WHERE periodic.due_at <= :now OR periodic.due_at > :absurd
RETURNING name;

-- name: enter_node
INSERT INTO nodes (node, lock, seen_at) VALUES (:node, :lock, :now)
ON CONFLICT (node) DO UPDATE SET lock = excluded.lock, seen_at = excluded.seen_at;

-- name: lock_node
SELECT node FROM nodes WHERE node = :node FOR UPDATE;

-- name: leave_nodes
DELETE FROM nodes WHERE node = ANY (:nodes::text[]);

-- name: announce
UPDATE nodes SET changes = changes + 1 WHERE node = :node;

-- name: notify
SELECT pg_notify(:channel, :node);

-- name: changes
SELECT coalesce(sum(changes), 0)::bigint FROM nodes WHERE node <> :node;

-- name: forget_nodes
-- Every node says now and then that it lives, also one with a lock; whoever has leases is rescued before that.
DELETE FROM nodes WHERE node <> :node AND seen_at < :forgotten;

-- name: server_time
-- Asked once a minute, to know how far the local clock is from it; no other statement asks the time.
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
