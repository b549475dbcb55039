-- What is wrong, and who was told of it. Bulk statements take one JSON array.

-- name: open_alerts
SELECT id, kind, subject, severity, facts, title, body, seen_at, last_at, raised_at, ended_at, is_quiet_end
FROM alerts WHERE ended_at IS NULL AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY seen_at, id;

-- name: last_told
SELECT a.condition, a.severity, max(coalesce(d.sent_at, a.raised_at)) FROM alerts a
JOIN alert_deliveries d ON d.alert_id = a.id AND d.purpose = 'alert' AND d.attempts > 0
WHERE a.condition IN (SELECT value FROM json_each(:conditions)) AND a.raised_at IS NOT NULL GROUP BY a.condition, a.severity;

-- name: start
-- The unique index decides between two nodes that find the same at once.
INSERT INTO alerts (id, condition, kind, subject, severity, facts, title, body, seen_at, last_at, raised_at,
    ended_at, is_quiet_end)
VALUES (:id, :condition, :kind, :subject, :severity, :facts, :title, :body, :seen_at, :last_at, :raised_at,
    :ended_at, :is_quiet_end)
ON CONFLICT DO NOTHING;

-- name: end
UPDATE alerts SET ended_at = :now WHERE id = :id AND ended_at IS NULL AND severity = :severity;

-- name: forget
DELETE FROM alerts WHERE id = :id AND raised_at IS NULL;

-- name: see
UPDATE alerts SET last_at = :now WHERE id = :id AND ended_at IS NULL;

-- name: notify
INSERT INTO alert_deliveries (alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, 'waiting',
    value ->> 7, 0, '' FROM json_each(:rows) WHERE true
ON CONFLICT DO NOTHING;

-- name: recover
-- To whoever was written to at least once since it began, maybe when it was less bad, whatever the channel answered; not
-- to whom a newer notice goes.
INSERT INTO alert_deliveries (alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer)
SELECT :alert_id, channel, 'recovery', min(shown), :severity, :title, :body, 'waiting', :due_at, 0, ''
FROM alert_deliveries d
WHERE alert_id IN (
    SELECT a.id FROM alerts e JOIN alerts a ON a.condition = e.condition AND a.seen_at = e.seen_at
    WHERE e.id IN (SELECT value FROM json_each(:ended))
) AND purpose = 'alert' AND attempts > 0 AND channel NOT IN (SELECT value FROM json_each(:told))
    AND NOT EXISTS (
        SELECT 1 FROM alert_deliveries r
        WHERE r.alert_id = d.alert_id AND r.channel = d.channel AND r.purpose = 'recovery')
GROUP BY channel
ON CONFLICT DO NOTHING;

-- name: drop_waiting
-- It is over before it could be told: what was tried and failed gets the recovery's notice instead.
UPDATE alert_deliveries SET state = 'dropped'
WHERE alert_id IN (SELECT value FROM json_each(:ended)) AND purpose = 'alert' AND state = 'waiting';

-- name: has_due
SELECT 1 FROM alert_deliveries WHERE state = 'waiting' AND due_at <= :now LIMIT 1;

-- name: take_due
UPDATE alert_deliveries SET due_at = :until, attempts = attempts + 1
WHERE (alert_id, channel, purpose) IN (
    SELECT alert_id, channel, purpose FROM alert_deliveries
    WHERE state = 'waiting' AND due_at <= :now ORDER BY due_at LIMIT :most
)
RETURNING alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer, sent_at;

-- name: note_delivery
UPDATE alert_deliveries SET state = :state, answer = :answer, due_at = iif(:state = 'waiting', :at, due_at),
    sent_at = iif(:state = 'sent', :at, sent_at)
WHERE alert_id = :alert_id AND channel = :channel AND purpose = :purpose
    AND (state = 'waiting' OR :state = 'sent');

-- name: alerts
SELECT id, kind, subject, severity, facts, title, body, seen_at, last_at, raised_at, ended_at, is_quiet_end
FROM alerts WHERE raised_at IS NOT NULL AND raised_at BETWEEN :since AND :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
    AND (:kinds IS NOT NULL OR kind <> 'summary')
    AND (:is_open IS NULL OR (ended_at IS NULL) = :is_open)
ORDER BY raised_at DESC, id DESC LIMIT :most;

-- name: deliveries
SELECT alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts, answer, sent_at
FROM alert_deliveries WHERE alert_id IN (SELECT value FROM json_each(:ids)) ORDER BY alert_id, purpose, channel;

-- name: has_alert
SELECT 1 FROM alerts WHERE id = :id;

-- name: day
SELECT
    (SELECT coalesce(sum(count), 0) FROM rollups WHERE kind = 'event_first' AND hour > :since AND key LIKE '%:accepted'),
    (SELECT coalesce(sum(count), 0) FROM rollups WHERE kind = 'event_first' AND hour > :since AND key LIKE '%:bounced'),
    (SELECT coalesce(sum(count), 0) FROM rollups WHERE kind = 'event_first' AND hour > :since AND key LIKE '%:complained'),
    (SELECT coalesce(sum(count), 0) FROM rollups WHERE kind = 'state' AND hour > :since AND key = 'dead'),
    (SELECT min(due_at) FROM outbox WHERE state = 'queued' AND due_at <= :now),
    (SELECT json_group_array(DISTINCT key) FROM rollups WHERE kind = 'unknown_answer' AND hour > :since);
