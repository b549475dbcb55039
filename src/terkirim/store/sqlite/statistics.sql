-- name: sums
SELECT kind, key, sum(count) FROM rollups
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND hour >= :since AND hour < :until
GROUP BY kind, key;

-- name: series
SELECT hour, kind, key, sum(count) FROM rollups
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND hour >= :since AND hour < :until
GROUP BY kind, hour, key;

-- name: ranked
-- A key is `what:name`; one pass over the days, and a row a name.
SELECT substr(key, instr(key, ':') + 1) AS name,
    sum(iif(key LIKE 'accepted:%', count, 0)) AS accepted,
    sum(iif(key LIKE 'delivered:%', count, 0)),
    sum(iif(key LIKE 'bounced:%', count, 0)),
    sum(iif(key LIKE 'complained:%', count, 0)),
    sum(iif(key LIKE 'opened:%', count, 0)),
    sum(iif(key LIKE 'clicked:%', count, 0)),
    sum(iif(key LIKE 'unsubscribed:%', count, 0))
FROM rollups WHERE kind = :kind AND hour >= :since AND hour < :until
GROUP BY name ORDER BY accepted DESC, name LIMIT :most;
