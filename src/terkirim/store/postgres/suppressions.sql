-- The list of addresses that are not to be sent to.

-- name: standing_entries
SELECT s.address, s.stream, s.reason, s.source, s.created_at, s.until, s.source_id, s.note, s.id
FROM json_to_recordset(:rows::json) AS j (address text, stream text)
JOIN suppressions s ON s.address = j.address AND s.stream = j.stream;

-- name: enter
INSERT INTO suppressions (address, stream, reason, source, created_at, until, source_id, note, id)
SELECT * FROM json_to_recordset(:rows::json) AS j (address text, stream text, reason text, source text,
    created_at bigint, until bigint, source_id text, note text, id text)
ON CONFLICT (address, stream) DO UPDATE SET
    reason = excluded.reason, source = excluded.source, created_at = excluded.created_at, until = excluded.until,
    source_id = excluded.source_id, note = excluded.note, id = excluded.id;

-- name: forget_ended
DELETE FROM suppressions WHERE until IS NOT NULL AND until < :before RETURNING id;

-- name: remove
-- By id or by address: an address may stand on the list once for each stream.
DELETE FROM suppressions WHERE id = ANY (:names::text[]) OR address = ANY (:names::text[])
RETURNING address, stream, reason, source, created_at, until, source_id, note, id;
