-- Balances, and what our own counts say was spent.

-- name: keep_reading
INSERT INTO balances (provider, at, source, credits, fault, reason, sent_before, bounced_before)
VALUES (:provider, :at, :source, :credits, :fault, :reason, :sent_before, :bounced_before)
ON CONFLICT DO NOTHING;

-- name: drop_heard
-- Answers to mails name a balance all day; after a month the checks tell enough.
DELETE FROM balances WHERE provider = :provider AND source = 'send' AND at < :before;

-- name: spent
-- What was counted of messages: never the difference of two readings, which a top-up hides.
SELECT hour, sum(iif(key = :accepted, count, 0)), sum(iif(key = :bounced, count, 0)) FROM rollups
WHERE kind = 'event_first' AND hour BETWEEN :since AND :until AND key IN (:accepted, :bounced)
GROUP BY hour ORDER BY hour;

-- name: last_known
SELECT provider, at, source, credits, fault, reason, sent_before, bounced_before FROM balances
WHERE provider = :provider AND credits IS NOT NULL ORDER BY at DESC LIMIT 1;

-- name: last_checks
SELECT provider, at, source, credits, fault, reason, sent_before, bounced_before FROM balances
WHERE provider = :provider AND source = 'check' ORDER BY at DESC LIMIT :most;

-- name: readings
SELECT provider, at, source, credits, fault, reason, sent_before, bounced_before FROM balances
WHERE provider = :provider AND at >= :since ORDER BY at DESC LIMIT :most;

-- name: balances
-- The last balance of each stretch: a chart of a few hundred points, however often it was read.
SELECT max(at), credits FROM balances WHERE provider = :provider AND at >= :since AND credits IS NOT NULL
GROUP BY at / :each ORDER BY 1;

-- name: reading_counts
SELECT count(*) FILTER (WHERE source = 'check'), avg(credits), min(credits) FROM balances
WHERE provider = :provider AND at >= :since;

-- name: waiting
-- Held mail, and mail of a refused sender, waits for a person who may never let it go: it is not counted. Each count is one range of the index, and
-- the walk goes from one hour that has mail to the next: a million scheduled messages are counted in some hundredths.
WITH RECURSIVE lanes (route, position, priority) AS (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:lanes)
), hours (route, position, priority, hour) AS (
    SELECT route, position, priority, (
        SELECT due_at / 3600000000 FROM outbox o
        WHERE o.state = 'queued' AND o.hold = '' AND o.route = l.route AND o.position = l.position
            AND o.priority = l.priority AND o.due_at > :now
        ORDER BY o.due_at LIMIT 1
    ) FROM lanes l
    UNION ALL
    SELECT route, position, priority, (
        SELECT due_at / 3600000000 FROM outbox o
        WHERE o.state = 'queued' AND o.hold = '' AND o.route = h.route AND o.position = h.position
            AND o.priority = h.priority AND o.due_at >= (h.hour + 1) * 3600000000
        ORDER BY o.due_at LIMIT 1
    ) FROM hours h WHERE hour IS NOT NULL
)
SELECT route, position, hour, (
    SELECT count(*) FROM outbox o
    WHERE o.state = 'queued' AND o.hold = '' AND o.route = h.route AND o.position = h.position
        AND o.priority = h.priority AND o.due_at > max(:now, h.hour * 3600000000 - 1)
        AND o.due_at < (h.hour + 1) * 3600000000
) FROM hours h WHERE hour IS NOT NULL
UNION ALL
SELECT route, position, 0, (
    SELECT count(*) FROM outbox o
    WHERE o.state = 'queued' AND o.hold = '' AND o.route = l.route AND o.position = l.position
        AND o.priority = l.priority AND o.due_at <= :now
) FROM lanes l
UNION ALL
SELECT route, position, 0, count(*) FROM outbox WHERE state = 'leased' GROUP BY route, position
UNION ALL
SELECT route, position, 0, count(*) FROM outbox
WHERE state IN ('unclear', 'held') AND state = 'unclear' GROUP BY route, position;

-- name: stored_rows
SELECT count(*) FROM campaign_rows WHERE campaign = :campaign;

-- name: in_air
SELECT count(*) FROM outbox WHERE state = 'leased' AND provider = :provider;

-- name: set_allowance
INSERT INTO allowances (provider, rest) VALUES (:provider, :rest)
ON CONFLICT (provider) DO UPDATE SET rest = excluded.rest;

-- name: drop_allowance
DELETE FROM allowances WHERE provider = :provider;

-- name: allowance
SELECT rest FROM allowances WHERE provider = :provider;
