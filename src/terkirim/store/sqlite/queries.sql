-- Bulk statements take one JSON array and answer one JSON array: a whole group costs one call into
-- SQLite, during which Python's lock is free for the event loop. An INSERT of one row of parameters
-- is repeated for as many rows as there are (see bulk.py).

-- name: insert_contents
-- The same body under the same id is stored once, however many emails share it.
INSERT INTO contents (id, html, text, is_template) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: insert_emails
-- Ids are ours: a COMMIT of unknown result is repeated, and the repeat changes nothing.
INSERT INTO emails (id, owner, sender_name, sender, subject, recipients, extras, route, priority, stream,
    if_unclear, created_at, scheduled_at, expires_at, campaign, row, content_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: insert_messages
INSERT INTO messages (id, email_id, recipient, kind, variables, created_at, state)
VALUES (?, ?, ?, ?, ?, ?, 'queued') ON CONFLICT DO NOTHING;

-- name: insert_outbox
INSERT INTO outbox (id, email_id, state, route, priority, due_at, expires_at)
VALUES (?, ?, 'queued', ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: suppressed
-- Asked at birth and again at every claim: mail may have waited for days.
SELECT json_group_array(json_array(m.id, s.reason))
FROM json_each(:ids) j
JOIN messages m ON m.id = j.value
JOIN emails e ON e.id = m.email_id
JOIN suppressions s ON s.address = lower(m.recipient) AND s.stream IN ('', e.stream)
WHERE s.until IS NULL OR s.until > :now;

-- name: insert_attachment
INSERT INTO attachments (sha256, body, kept_until) VALUES (:sha256, :body, :kept_until)
ON CONFLICT (sha256) DO UPDATE SET kept_until = max(kept_until, excluded.kept_until);

-- name: insert_uses
INSERT INTO attachment_uses (sha256, email_id) SELECT value ->> 0, value ->> 1 FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING;

-- name: take_campaign_rows
-- Not for a person who was erased either: the row has a digest in its place.
INSERT INTO campaign_rows (campaign, row, email_id)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2 FROM json_each(:rows) j
WHERE NOT EXISTS (SELECT 1 FROM campaign_rows r WHERE r.campaign = j.value ->> 0 AND r.row = j.value ->> 3)
ON CONFLICT DO NOTHING;

-- name: campaign_rows
SELECT json_group_array(j.value ->> 2) FROM json_each(:rows) j
WHERE (SELECT r.email_id FROM campaign_rows r WHERE r.campaign = j.value ->> 0 AND r.row = j.value ->> 1) = j.value ->> 2;

-- name: take_key
-- The key, the emails and the answer commit together: a crash between them cannot happen.
INSERT INTO idempotency (owner, route, key, fingerprint, answer, created_at)
VALUES (:owner, :route, :key, :fingerprint, :answer, :now)
ON CONFLICT (owner, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at
WHERE created_at < :forgotten;

-- name: taken_key
SELECT fingerprint, answer, created_at FROM idempotency WHERE owner = :owner AND route = :route AND key = :key;

-- name: keep_answer
-- Who was suppressed at birth is known only after the key was taken.
UPDATE idempotency SET answer = :answer WHERE owner = :owner AND route = :route AND key = :key;

-- name: due
-- One range of the index, oldest first: the cost does not grow with what waits behind it.
SELECT json_group_array(id) FROM (
    SELECT id FROM outbox
    WHERE state = 'queued' AND hold = '' AND route = :route AND position = :position
        AND priority = :priority AND due_at <= :now
    ORDER BY due_at LIMIT :most
);

-- name: next_due
SELECT due_at FROM outbox
WHERE state = 'queued' AND hold = '' AND route = :route AND position = :position
    AND priority = :priority AND due_at > :now
ORDER BY due_at LIMIT 1;

-- name: lease
-- Another provider than last time: the schedule starts again. The fence only ever grows.
UPDATE outbox SET
    state = 'leased', lease = lease + 1, leased_by = :node, leased_until = :until,
    step = iif(provider IS NULL OR provider = j.chosen, step, 0),
    provider = j.chosen, position = j.place
FROM (SELECT value ->> 0 AS chosen_id, value ->> 1 AS chosen, value ->> 2 AS place FROM json_each(:rows)) j
WHERE outbox.id = j.chosen_id;

-- name: work
-- The leases just made: what the outbox knows of each.
SELECT json_group_array(json_array(
    o.id, o.email_id, o.lease, o.provider, o.route, o.position, o.step, o.waited, o.attempts, o.priority,
    o.due_at, o.expires_at, o.cancel_wanted))
FROM json_each(:ids) j JOIN outbox o ON o.id = j.value;

-- name: written
-- What is to be sent, as it was submitted.
SELECT json_group_array(json_array(
    m.id, e.if_unclear, m.created_at, e.sender, e.sender_name, m.recipient, m.variables, e.subject, e.extras,
    e.content_id, c.html, c.text, c.is_template, e.scheduled_at))
FROM json_each(:ids) j
JOIN messages m ON m.id = j.value
JOIN emails e ON e.id = m.email_id
JOIN contents c ON c.id = e.content_id;

-- name: unlease
-- No request left: the row is as it was, but its fence stays.
UPDATE outbox SET
    state = 'queued', leased_by = NULL, leased_until = NULL,
    hold = coalesce((SELECT value ->> 2 FROM json_each(:rows) WHERE value ->> 0 = outbox.id), '')
WHERE state = 'leased' AND (id, lease) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:rows));

-- name: end_cancelled
-- A cancel that was asked while the lease was out ends the row when the lease comes back unused.
SELECT json_group_array(json_array(id, 'cancelled', 'cancelled', attempts, lease)) FROM outbox
WHERE cancel_wanted = 1 AND state = 'queued' AND id IN (SELECT value ->> 0 FROM json_each(:rows));

-- name: end_told
-- A provider's word that came while the lease was out ends the row when the lease comes back unused: what it
-- has is not sent again.
SELECT json_group_array(json_array(o.id, m.evidence, o.attempts, o.lease)) FROM json_each(:rows) j
JOIN outbox o ON o.id = j.value ->> 0 AND o.state = 'queued'
JOIN messages m ON m.id = o.id AND m.evidence IS NOT NULL;

-- name: in_air
SELECT count(*) FROM outbox WHERE state = 'leased' AND provider = :provider;

-- name: in_air_by_provider
SELECT provider, count(*) FROM outbox WHERE state = 'leased' GROUP BY provider;

-- name: replaced
-- The attempts that a rescue left behind for leases whose own word comes now.
SELECT a.message_id, a.lease, a.started_at FROM json_each(:rows) j
JOIN attempts a ON a.message_id = j.value ->> 0 AND a.lease = j.value ->> 1
WHERE a.outcome = 'unclear' AND a.reason = :rescued;

-- name: keep_attempts
-- A rescued lease left an "unclear" attempt behind; the late word of the same lease replaces it.
INSERT INTO attempts (message_id, lease, number, provider, started_at, duration, outcome, code, reason, answer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (message_id, lease) DO UPDATE SET
    started_at = excluded.started_at, duration = excluded.duration, outcome = excluded.outcome,
    code = excluded.code, reason = excluded.reason, answer = excluded.answer;

-- name: note_late
UPDATE attempts SET note = 'accepted late: sent twice'
WHERE outcome = 'accepted' AND (message_id, lease) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:rows));

-- name: live
-- The lease number fences off a worker that woke up late; a late word of the newest lease still counts.
SELECT json_group_array(json_array(o.id, o.cancel_wanted, m.evidence, o.lease))
FROM json_each(:rows) j
JOIN outbox o ON o.id = j.value ->> 0 AND o.lease = j.value ->> 1 AND o.state IN ('leased', 'unclear')
JOIN messages m ON m.id = o.id;

-- name: finish_outbox
DELETE FROM outbox WHERE id IN (SELECT value ->> 0 FROM json_each(:rows));

-- name: finish_messages
-- What a provider said of the message meanwhile is the better reason.
UPDATE messages SET
    state = j.value ->> 1, reason = iif(j.value ->> 2 = '' AND evidence IS NOT NULL, reason, j.value ->> 2),
    attempts = j.value ->> 3, lease = j.value ->> 4,
    provider = coalesce(j.value ->> 5, provider), provider_ref = coalesce(j.value ->> 6, provider_ref),
    is_sandbox = coalesce(j.value ->> 7, 0), accepted_at = coalesce(j.value ->> 8, accepted_at),
    finished_at = :now
FROM json_each(:rows) j WHERE messages.id = j.value ->> 0;

-- name: move
-- Still unfinished: due again later, or unclear. The fence was checked by `live` in this transaction.
UPDATE outbox SET
    state = j.value ->> 1, due_at = j.value ->> 2, step = j.value ->> 3, position = j.value ->> 4,
    waited = j.value ->> 5, attempts = j.value ->> 6, reason = j.value ->> 7, hold = j.value ->> 8,
    leased_by = NULL, leased_until = NULL
FROM json_each(:rows) j WHERE outbox.id = j.value ->> 0;

-- name: count_up
INSERT INTO rollups (hour, kind, key, node, count)
SELECT value ->> 0, value ->> 1, value ->> 2, :node, value ->> 3 FROM json_each(:rows) WHERE true
ON CONFLICT (kind, hour, key, node) DO UPDATE SET count = count + excluded.count;

-- name: lessees
SELECT DISTINCT leased_by FROM outbox WHERE state = 'leased' AND leased_by <> :node;

-- name: overdue_leases
-- Never our own: a jump of the clock must not double what is in the air.
SELECT json_group_array(json_array(o.id, o.lease, o.attempts + 1, o.provider, o.step, o.waited, e.if_unclear))
FROM outbox o JOIN emails e ON e.id = o.email_id
WHERE o.state = 'leased' AND o.leased_by <> :node
    AND (o.leased_until <= :now OR o.leased_by IN (SELECT value FROM json_each(:dead)));

-- name: rescue
UPDATE outbox SET
    state = 'unclear', due_at = j.value ->> 2, waited = j.value ->> 3, attempts = attempts + 1, step = step + 1,
    leased_by = NULL, leased_until = NULL, reason = :reason
FROM json_each(:rows) j
WHERE outbox.id = j.value ->> 0 AND outbox.lease = j.value ->> 1 AND outbox.state = 'leased';

-- name: expired
SELECT json_group_array(json_array(id, state, attempts, lease)) FROM (
    SELECT id, state, attempts, lease FROM outbox
    WHERE expires_at IS NOT NULL AND state <> 'leased' AND expires_at <= :now LIMIT :most
);

-- name: unclear_over
SELECT json_group_array(json_array(o.id, e.if_unclear, o.cancel_wanted, o.attempts, o.lease, m.evidence)) FROM (
    SELECT id, email_id, cancel_wanted, attempts, lease FROM outbox
    WHERE state IN ('unclear', 'held') AND state = 'unclear' AND due_at <= :now LIMIT :most
) o JOIN emails e ON e.id = o.email_id JOIN messages m ON m.id = o.id;

-- name: next_sweep
SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM outbox WHERE state IN ('unclear', 'held') AND state = 'unclear'
    UNION ALL SELECT min(expires_at) FROM outbox WHERE expires_at IS NOT NULL AND state <> 'leased'
);

-- name: restate
-- Out of `unclear`, by its own rule: due now, or held for a person.
UPDATE outbox SET state = j.value ->> 1, due_at = :now FROM json_each(:rows) j
WHERE outbox.id = j.value ->> 0 AND outbox.state = 'unclear';

-- name: ids_of
SELECT json_group_array(id) FROM (
    SELECT id FROM messages WHERE id = :id AND email_id = id
    UNION SELECT id FROM messages WHERE email_id = :id AND email_id <> id
    UNION SELECT id FROM messages WHERE id = :id
);

-- name: email_id_of
SELECT email_id FROM messages WHERE id = :id;

-- name: standing
SELECT json_group_array(json_array(m.id, m.recipient, coalesce(o.state, m.state), m.attempts, m.lease,
    coalesce(o.attempts, 0), coalesce(o.lease, 0)))
FROM json_each(:ids) j JOIN messages m ON m.id = j.value LEFT JOIN outbox o ON o.id = m.id;

-- name: want_cancel
UPDATE outbox SET cancel_wanted = 1 WHERE state = 'leased' AND id IN (SELECT value FROM json_each(:ids));

-- name: reschedule_outbox
-- Its life counts from the new time: what expired an hour after the old one does so after the new one.
UPDATE outbox SET due_at = :at, expires_at = expires_at + :at - due_at WHERE state = 'queued' AND id IN (SELECT value FROM json_each(:ids));

-- name: reschedule_email
UPDATE emails SET scheduled_at = :at, expires_at = expires_at + :at - coalesce(scheduled_at, created_at)
WHERE id = :id;

-- name: requeue_outbox
-- The fence goes on from the message's last lease, so that a worker from before still finds it shut.
INSERT INTO outbox (id, email_id, state, route, priority, due_at, lease, attempts)
SELECT m.id, m.email_id, 'queued', iif(e.route IN (SELECT value FROM json_each(:routes)), e.route, :usual),
    e.priority, :now, m.lease, m.attempts
FROM json_each(:ids) j JOIN messages m ON m.id = j.value JOIN emails e ON e.id = m.email_id WHERE true
ON CONFLICT (id) DO UPDATE SET
    state = 'queued', due_at = :now, step = 0, waited = 0, position = 0, provider = NULL, hold = '',
    cancel_wanted = 0, reason = ''
WHERE outbox.state = 'held';

-- name: requeue_messages
UPDATE messages SET state = 'queued', reason = '', finished_at = NULL, accepted_at = NULL, is_sandbox = 0
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: reroute
-- A route that the settings no longer have becomes the default one; a place past its end, its start.
UPDATE outbox SET position = 0,
    route = iif(route IN (SELECT value ->> 0 FROM json_each(:lanes)), route, :usual)
WHERE id IN (
    SELECT id FROM outbox
    WHERE (route, position) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(:lanes)) LIMIT :most);

-- name: evidence_of
SELECT m.evidence, m.state, o.state, coalesce(o.attempts, m.attempts), coalesce(o.lease, m.lease)
FROM messages m LEFT JOIN outbox o ON o.id = m.id WHERE m.id = :id;

-- name: keep_evidence
UPDATE messages SET evidence = :evidence, provider_ref = coalesce(:provider_ref, provider_ref),
    delivered_at = iif(:is_delivery, coalesce(delivered_at, :at), delivered_at)
WHERE id = :id;

-- name: restate_message
UPDATE messages SET state = :state WHERE id = :id;

-- name: gates
SELECT json_object(
    'breakers', json((SELECT json_group_object(provider, json_array(version, json(row))) FROM breakers)),
    'rates', json((SELECT json_group_object(provider, json(row)) FROM rates)),
    'pauses', json((SELECT json_group_array(json_array(provider, sender, fault, reason, since, until, lets_one)) FROM pauses)),
    'allowances', json((SELECT json_group_object(provider, rest) FROM allowances)));

-- name: save_allowance
-- Only where there is still one: a reading may have lifted the reserve.
UPDATE allowances SET rest = :rest WHERE provider = :provider;

-- name: save_breaker
INSERT INTO breakers (provider, version, row) VALUES (:provider, :version, :row)
ON CONFLICT (provider) DO UPDATE SET version = excluded.version, row = excluded.row
WHERE breakers.version = excluded.version - 1;

-- name: save_rate
INSERT INTO rates (provider, row) VALUES (:provider, :row)
ON CONFLICT (provider) DO UPDATE SET row = excluded.row;

-- name: add_pause
-- What the provider says last is why it is paused; a person's pause stands.
INSERT INTO pauses (provider, sender, fault, reason, since, until)
VALUES (:provider, :sender, :fault, :reason, :since, :until)
ON CONFLICT (provider, sender) DO UPDATE SET fault = excluded.fault, reason = excluded.reason, until = excluded.until
WHERE pauses.fault NOT IN ('by hand', excluded.fault);

-- name: end_pause
-- With a fault: only a pause for it, because a person may have paused meanwhile.
DELETE FROM pauses WHERE provider = :provider AND sender = :sender AND (:fault IS NULL OR fault = :fault);

-- name: open_trial
UPDATE pauses SET lets_one = 1 WHERE provider = :provider AND sender = :sender AND fault = :fault
RETURNING provider;

-- name: take_trial
UPDATE pauses SET lets_one = 0 WHERE provider = :provider AND sender = :sender;

-- name: let_one_go
UPDATE outbox SET hold = '' WHERE id = (
    SELECT id FROM outbox WHERE state = 'queued' AND hold = :hold ORDER BY due_at LIMIT 1)
RETURNING id;

-- name: end_other_pause
DELETE FROM pauses WHERE provider = :provider AND sender = :sender AND fault <> 'by hand';

-- name: let_go
UPDATE outbox SET hold = '' WHERE hold = :hold;

-- name: waiting_on
SELECT hold, count(*) FROM outbox WHERE state = 'queued' AND hold > '' GROUP BY hold;

-- name: waiting_by_lane
SELECT route, position, count(*) FROM outbox
WHERE state = 'queued' AND hold = '' AND due_at <= :now GROUP BY route, position;

-- name: add_key
INSERT INTO api_keys (id, name, hash, prefix, scopes, created_at)
VALUES (:id, :name, :hash, :prefix, :scopes, :created_at) ON CONFLICT DO NOTHING;

-- name: keep_option
INSERT INTO options (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING;

-- name: option
SELECT value FROM options WHERE name = :name;

-- name: revoke_key
UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL;

-- name: take_turn
-- One row a kind of work: whoever moves its due time first does it. A time that is due later than it
-- could be was written by a clock that was wrong: else the work would rest until that time comes.
INSERT INTO periodic (name, due_at) VALUES (:name, :next)
ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
WHERE periodic.due_at <= :now OR periodic.due_at > :absurd;
