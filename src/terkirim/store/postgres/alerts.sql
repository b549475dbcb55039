-- What is wrong, and who was told of it.

-- name: open_alerts
SELECT id, kind, subject, severity, facts, title, body, seen_at, last_at, raised_at, ended_at, is_quiet_end
FROM alerts WHERE ended_at IS NULL AND (:kinds::text[] IS NULL OR kind = ANY (:kinds::text[]))
ORDER BY seen_at, id;

-- name: last_told
SELECT a.condition, a.severity, max(coalesce(d.sent_at, a.raised_at)) FROM alerts a
JOIN alert_deliveries d ON d.alert_id = a.id AND d.purpose = 'alert' AND d.attempts > 0
WHERE a.condition = ANY (:conditions::text[]) AND a.raised_at IS NOT NULL GROUP BY a.condition, a.severity;

-- name: start
-- The unique index decides between two nodes that find the same at once.
INSERT INTO alerts (id, condition, kind, subject, severity, facts, title, body, seen_at, last_at, raised_at,
    ended_at, is_quiet_end)
VALUES (:id, :condition, :kind, :subject, :severity, :facts, :title, :body, :seen_at, :last_at, :raised_at,
    :ended_at, :is_quiet_end)
ON CONFLICT DO NOTHING RETURNING id;

-- name: end
UPDATE alerts SET ended_at = :now WHERE id = :id AND ended_at IS NULL AND severity = :severity RETURNING id;

-- name: forget
DELETE FROM alerts WHERE id = :id AND raised_at IS NULL RETURNING id;

-- name: see
UPDATE alerts SET last_at = :now WHERE id = :id AND ended_at IS NULL RETURNING id;

-- name: notify
INSERT INTO alert_deliveries (alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer)
SELECT alert_id, channel, purpose, shown, severity, title, body, 'waiting', due_at, 0, ''
FROM json_to_recordset(:rows::json) AS j (alert_id text, channel text, purpose text, shown text, severity text,
    title text, body text, due_at bigint)
ON CONFLICT DO NOTHING;

-- name: recover
-- To whoever was written to at least once since it began, maybe when it was less bad, whatever the channel answered; not
-- to whom a newer notice goes.
INSERT INTO alert_deliveries (alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer)
SELECT :alert_id::text, channel, 'recovery', min(shown), :severity::text, :title::text, :body::text, 'waiting',
    :due_at::bigint, 0, ''
FROM alert_deliveries d
WHERE alert_id IN (
    SELECT a.id FROM alerts e JOIN alerts a ON a.condition = e.condition AND a.seen_at = e.seen_at
    WHERE e.id = ANY (:ended::text[])
) AND purpose = 'alert' AND attempts > 0 AND channel <> ALL (:told::text[])
    AND NOT EXISTS (
        SELECT 1 FROM alert_deliveries r
        WHERE r.alert_id = d.alert_id AND r.channel = d.channel AND r.purpose = 'recovery')
GROUP BY channel
ON CONFLICT DO NOTHING;

-- name: drop_waiting
-- It is over before it could be told: what was tried and failed gets the recovery's notice instead.
UPDATE alert_deliveries SET state = 'dropped'
WHERE alert_id = ANY (:ended::text[]) AND purpose = 'alert' AND state = 'waiting';

-- name: has_due
SELECT 1 FROM alert_deliveries WHERE state = 'waiting' AND due_at <= :now LIMIT 1;

-- name: take_due
UPDATE alert_deliveries d SET due_at = :until, attempts = d.attempts + 1
FROM (
    SELECT alert_id, channel, purpose FROM alert_deliveries
    WHERE state = 'waiting' AND due_at <= :now ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
) j
WHERE d.alert_id = j.alert_id AND d.channel = j.channel AND d.purpose = j.purpose
RETURNING d.alert_id, d.channel, d.purpose, d.shown, d.severity, d.title, d.body, d.state, d.due_at, d.attempts,
    d.answer, d.sent_at;

-- name: note_delivery
UPDATE alert_deliveries SET state = :state::text, answer = :answer,
    due_at = CASE WHEN :state::text = 'waiting' THEN :at::bigint ELSE due_at END,
    sent_at = CASE WHEN :state::text = 'sent' THEN :at::bigint ELSE sent_at END
WHERE alert_id = :alert_id AND channel = :channel AND purpose = :purpose
    AND (state = 'waiting' OR :state::text = 'sent');

-- name: alerts
SELECT id, kind, subject, severity, facts, title, body, seen_at, last_at, raised_at, ended_at, is_quiet_end
FROM alerts WHERE raised_at IS NOT NULL AND raised_at BETWEEN :since AND :until
    AND (:kinds::text[] IS NULL OR kind = ANY (:kinds::text[]))
    AND (:kinds::text[] IS NOT NULL OR kind <> 'summary')
    AND (:is_open::boolean IS NULL OR (ended_at IS NULL) = :is_open::boolean)
ORDER BY raised_at DESC, id DESC LIMIT :most;

-- name: deliveries
SELECT alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer, sent_at
FROM alert_deliveries WHERE alert_id = ANY (:ids::text[]) ORDER BY alert_id, purpose, channel;

-- name: has_alert
SELECT 1 FROM alerts WHERE id = :id;

-- name: day
SELECT
    (SELECT coalesce(sum(count), 0)::bigint FROM rollups WHERE kind = 'event_first' AND hour > :since
        AND key LIKE :accepted),
    (SELECT coalesce(sum(count), 0)::bigint FROM rollups WHERE kind = 'event_first' AND hour > :since
        AND key LIKE :bounced),
    (SELECT coalesce(sum(count), 0)::bigint FROM rollups WHERE kind = 'event_first' AND hour > :since
        AND key LIKE :complained),
    (SELECT coalesce(sum(count), 0)::bigint FROM rollups WHERE kind = 'state' AND hour > :since AND key = 'dead'),
    (SELECT min(due_at) FROM outbox WHERE state = 'queued' AND due_at <= :now);

-- name: unknown_answers
SELECT DISTINCT key FROM rollups WHERE kind = 'unknown_answer' AND hour > :since ORDER BY key;
