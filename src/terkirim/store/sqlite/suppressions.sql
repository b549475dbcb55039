-- The list of addresses that are not to be sent to.

-- name: standing_entries
SELECT json_group_array(json_array(s.address, s.stream, s.reason, s.source, s.created_at, s.until, s.source_id,
    s.note, s.id))
FROM json_each(:rows) j JOIN suppressions s ON s.address = j.value ->> 0 AND s.stream = j.value ->> 1;

-- name: enter
INSERT INTO suppressions (address, stream, reason, source, created_at, until, source_id, note, id)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8
FROM json_each(:rows) WHERE true
ON CONFLICT (address, stream) DO UPDATE SET
    reason = excluded.reason, source = excluded.source, created_at = excluded.created_at, until = excluded.until,
    source_id = excluded.source_id, note = excluded.note, id = excluded.id;

-- name: forget_ended
DELETE FROM suppressions WHERE until IS NOT NULL AND until < :before;

-- name: remove
-- By id or by address: an address may stand on the list once for each stream.
DELETE FROM suppressions
WHERE id IN (SELECT value FROM json_each(:names)) OR address IN (SELECT value FROM json_each(:names))
RETURNING address, stream, reason, source, created_at, until, source_id, note, id;
