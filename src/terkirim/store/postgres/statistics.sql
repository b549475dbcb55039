-- name: sums
-- Of what was taken back, such as an end that a late word replaced, nothing is left to tell.
SELECT kind, key, sum(count)::bigint FROM rollups
WHERE kind = ANY (:kinds::text[]) AND hour >= :since AND hour < :until
GROUP BY kind, key HAVING sum(count) > 0;

-- name: series
-- A row an hour and kind, in the order of the primary key: hours have many keys, and each row read costs. One kind
-- after another: to group by numbers alone takes two thirds of the time.
SELECT s.hour, k.kind, s.keys, s.counts FROM unnest(:kinds::text[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT hour, array_agg(key) AS keys, array_agg(count) AS counts FROM rollups
    WHERE kind = k.kind AND hour >= :since AND hour < :until
    GROUP BY hour OFFSET 0
) s;

-- name: ranked
-- A key is `what:name`. Whole months, and the days before and after them; added up by key first, as there are fewer
-- keys than days with them.
SELECT substr(key, position(':' IN key) + 1) AS name,
    coalesce(sum(total) FILTER (WHERE key LIKE 'accepted:%'), 0)::bigint AS accepted,
    coalesce(sum(total) FILTER (WHERE key LIKE 'delivered:%'), 0)::bigint,
    coalesce(sum(total) FILTER (WHERE key LIKE 'bounced:%'), 0)::bigint,
    coalesce(sum(total) FILTER (WHERE key LIKE 'complained:%'), 0)::bigint,
    coalesce(sum(total) FILTER (WHERE key LIKE 'opened:%'), 0)::bigint,
    coalesce(sum(total) FILTER (WHERE key LIKE 'clicked:%'), 0)::bigint,
    coalesce(sum(total) FILTER (WHERE key LIKE 'unsubscribed:%'), 0)::bigint
FROM (
    SELECT key, sum(count)::bigint AS total FROM (
        SELECT key, count FROM rollups WHERE kind = :kind AND hour >= :since AND hour < :first
        UNION ALL
        SELECT key, count FROM rollups WHERE kind = :months AND hour >= :first AND hour < :last
        UNION ALL
        SELECT key, count FROM rollups WHERE kind = :kind AND hour >= :last AND hour < :until
    ) days GROUP BY key
) sums
GROUP BY name ORDER BY accepted DESC, name LIMIT :most;
