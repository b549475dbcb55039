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
SELECT hour, coalesce(sum(count) FILTER (WHERE key = :accepted), 0)::bigint,
    coalesce(sum(count) FILTER (WHERE key = :bounced), 0)::bigint FROM rollups
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
SELECT DISTINCT ON (at / :each::bigint) at, credits FROM balances
WHERE provider = :provider AND at >= :since AND credits IS NOT NULL
ORDER BY at / :each::bigint, at DESC;

-- name: reading_counts
SELECT count(*) FILTER (WHERE source = 'check'), avg(credits)::double precision, min(credits) FROM balances
WHERE provider = :provider AND at >= :since;

-- name: waiting
-- Held mail, and mail of a refused sender, waits for a person who may never let it go: it is not counted.
SELECT route, position,
    CASE WHEN state = 'queued' AND due_at > :now THEN due_at / 3600000000 ELSE 0 END AS hour, count(*)
FROM outbox WHERE state <> 'held' AND (state <> 'queued' OR hold = '') GROUP BY 1, 2, 3;

-- name: stored_rows
SELECT count(*) FROM campaign_rows WHERE campaign = :campaign;

-- name: in_air
SELECT count(*) FROM outbox WHERE state = 'leased' AND provider = :provider;

-- name: set_allowance
INSERT INTO allowances (provider, rest) VALUES (:provider, :rest)
ON CONFLICT (provider) DO UPDATE SET rest = excluded.rest;

-- name: drop_allowance
DELETE FROM allowances WHERE provider = :provider;

-- name: lock_allowance
-- Before the counts are read: a claim that uses it up waits, and what it leased is counted.
SELECT rest FROM allowances WHERE provider = :provider FOR UPDATE;

-- name: allowance
SELECT rest FROM allowances WHERE provider = :provider;
