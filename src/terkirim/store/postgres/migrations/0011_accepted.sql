-- One count says of how many messages a provider took, `event_first` with `provider:accepted`: whether it answered so, or
-- an event proved it. Until now it was the sum of two, which not all who speak of accepted mail added up.
INSERT INTO rollups (hour, kind, key, node, count)
SELECT hour, replace(kind, 'outcome', 'event_first'), substr(key, 1, position(':' IN key)) || 'accepted', node, sum(count)::bigint
FROM rollups
WHERE (kind IN ('outcome', 'outcome_day') AND key LIKE '%:accepted:%' AND key NOT LIKE 'sandbox:%')
    OR (kind IN ('event_first', 'event_first_day') AND key LIKE '%:proved')
GROUP BY 1, 2, 3, 4;
DELETE FROM rollups WHERE kind IN ('event_first', 'event_first_day') AND key LIKE '%:proved';
