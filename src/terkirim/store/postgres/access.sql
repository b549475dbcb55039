-- Signing in: accounts, sessions, failed tries.

-- name: open_session
INSERT INTO sessions (hash, user_id, made_at, seen_at, until)
VALUES (:hash, :user_id, :made_at, :seen_at, :until) ON CONFLICT DO NOTHING;

-- name: forget_sessions
DELETE FROM sessions WHERE until <= :now;

-- name: session
SELECT s.hash, s.made_at, s.seen_at, s.until,
    u.id, u.name, u.email, u.role, u.alert_url, u.password_hash, u.created_at
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.hash = :hash AND s.until > :now AND s.seen_at > :idle_since;

-- name: touch_session
UPDATE sessions SET seen_at = :now WHERE hash = :hash RETURNING hash;

-- name: end_session
DELETE FROM sessions WHERE hash = :hash RETURNING hash;

-- name: end_sessions_of
DELETE FROM sessions WHERE user_id = :user_id AND hash <> :but RETURNING hash;

-- name: find_user
SELECT id, name, email, role, alert_url, password_hash, created_at FROM users WHERE lower(name) = lower(:name::text);

-- name: set_password
UPDATE users SET password_hash = :password_hash WHERE id = :id RETURNING id;

-- name: lock_admins
-- Two nodes that each take the role from another admin would leave none: the second waits here, and then looks.
SELECT id FROM users WHERE role = 'admin' ORDER BY id FOR UPDATE;

-- name: set_role
-- Never the last admin's: nobody could give the role back.
UPDATE users SET role = :role WHERE id = :id AND (:role = 'admin' OR EXISTS (
    SELECT 1 FROM users o WHERE o.id <> :id AND o.role = 'admin' AND o.password_hash IS NOT NULL)) RETURNING id;

-- name: drop_user
DELETE FROM users WHERE id = :id AND (role <> 'admin' OR EXISTS (
    SELECT 1 FROM users o WHERE o.id <> :id AND o.role = 'admin' AND o.password_hash IS NOT NULL)) RETURNING id;

-- name: can_sign_in
SELECT 1 FROM users WHERE password_hash IS NOT NULL LIMIT 1;

-- name: keep_first_link
INSERT INTO first_links (hash, until) VALUES (:hash, :until) ON CONFLICT DO NOTHING RETURNING hash;

-- name: lock_first_links
-- Two links that are used at once make one first admin.
SELECT hash FROM first_links ORDER BY hash FOR UPDATE;

-- name: is_first_link
SELECT 1 FROM first_links WHERE hash = :hash AND until > :now
    AND NOT EXISTS (SELECT 1 FROM users WHERE password_hash IS NOT NULL);

-- name: add_first_user
-- A person of that name who could not sign in so far can from here on.
INSERT INTO users (id, name, email, role, alert_url, password_hash, created_at)
VALUES (:id, :name, :email, :role, :alert_url, :password_hash, :created_at)
ON CONFLICT (lower(name)) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash;

-- name: forget_first_links
DELETE FROM first_links;

-- name: enter_strikes
-- A row to lock for whoever tries for the first time; it counts nothing.
INSERT INTO strikes (key, count, last_at) SELECT key, 0, :now FROM unnest(:keys::text[]) AS j (key) ORDER BY key
ON CONFLICT DO NOTHING;

-- name: strikes
SELECT key, count, last_at, until FROM strikes WHERE key = ANY (:keys::text[]) ORDER BY key FOR UPDATE;

-- name: keep_strikes
UPDATE strikes SET count = :count, last_at = :last_at, until = :until WHERE key = :key;

-- name: forget_strikes
-- In the order in which tries lock them; one that is being counted is not old.
DELETE FROM strikes WHERE key IN (
    SELECT key FROM strikes WHERE last_at < :before ORDER BY key FOR UPDATE SKIP LOCKED);

-- name: forgive
DELETE FROM strikes WHERE key = :key;

-- name: give_back
-- The try was taken, so that nothing was locked before it.
UPDATE strikes SET count = count - 1, until = NULL WHERE key IN (
    SELECT key FROM strikes WHERE key = ANY (:keys::text[]) ORDER BY key FOR UPDATE);
