-- What people chose at run time.

-- name: options
SELECT name, value FROM options WHERE name IN (SELECT value FROM json_each(:names));

-- name: set_option
-- A value that is there already is no change, and so no line in the activity log.
INSERT INTO options (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE options.value <> excluded.value
RETURNING name;
