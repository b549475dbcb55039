-- name: sums
SELECT kind, key, sum(count)::bigint FROM rollups
WHERE kind = ANY (:kinds::text[]) AND hour >= :since AND hour < :until
GROUP BY kind, key;

-- name: series
SELECT hour, kind, key, sum(count)::bigint FROM rollups
WHERE kind = ANY (:kinds::text[]) AND hour >= :since AND hour < :until
GROUP BY kind, hour, key;

-- name: ranked
-- A key is `what:name`; one pass over the days, and a row a name.
SELECT substr(key, position(':' IN key) + 1) AS name,
    sum(CASE WHEN key LIKE 'accepted:%' THEN count ELSE 0 END)::bigint AS accepted,
    sum(CASE WHEN key LIKE 'delivered:%' THEN count ELSE 0 END)::bigint,
    sum(CASE WHEN key LIKE 'bounced:%' THEN count ELSE 0 END)::bigint,
    sum(CASE WHEN key LIKE 'complained:%' THEN count ELSE 0 END)::bigint,
    sum(CASE WHEN key LIKE 'opened:%' THEN count ELSE 0 END)::bigint,
    sum(CASE WHEN key LIKE 'clicked:%' THEN count ELSE 0 END)::bigint,
    sum(CASE WHEN key LIKE 'unsubscribed:%' THEN count ELSE 0 END)::bigint
FROM rollups WHERE kind = :kind AND hour >= :since AND hour < :until
GROUP BY name ORDER BY accepted DESC, name LIMIT :most;
