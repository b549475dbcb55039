-- name: sums
-- Of what was taken back, such as an end that a late word replaced, nothing is left to tell.
SELECT kind, key, sum(count) FROM rollups
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND hour >= :since AND hour < :until
GROUP BY kind, key HAVING sum(count) > 0;

-- name: series
-- A row an hour and kind, in the order of the primary key: hours have many keys, and each row read costs.
SELECT hour, kind, json_group_array(key), json_group_array(count) FROM rollups
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND hour >= :since AND hour < :until
GROUP BY kind, hour;

-- name: ranked
-- A key is `what:name`. Whole months, and the days before and after them; added up by key first, as there are fewer
-- keys than days with them.
SELECT substr(key, instr(key, ':') + 1) AS name,
    sum(iif(key LIKE 'accepted:%', total, 0)) AS accepted,
    sum(iif(key LIKE 'delivered:%', total, 0)),
    sum(iif(key LIKE 'bounced:%', total, 0)),
    sum(iif(key LIKE 'complained:%', total, 0)),
    sum(iif(key LIKE 'opened:%', total, 0)),
    sum(iif(key LIKE 'clicked:%', total, 0)),
    sum(iif(key LIKE 'unsubscribed:%', total, 0))
FROM (
    SELECT key, sum(count) AS total FROM (
        SELECT key, count FROM rollups WHERE kind = :kind AND hour >= :since AND hour < :first
        UNION ALL
        SELECT key, count FROM rollups WHERE kind = :months AND hour >= :first AND hour < :last
        UNION ALL
        SELECT key, count FROM rollups WHERE kind = :kind AND hour >= :last AND hour < :until
    ) GROUP BY key
)
GROUP BY name ORDER BY accepted DESC, name LIMIT :most;
