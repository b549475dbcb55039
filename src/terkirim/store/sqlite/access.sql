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
UPDATE sessions SET seen_at = :now WHERE hash = :hash;

-- name: end_session
DELETE FROM sessions WHERE hash = :hash;

-- name: end_sessions_of
DELETE FROM sessions WHERE user_id = :user_id AND hash <> :but;

-- name: find_user
SELECT id, name, email, role, alert_url, password_hash, created_at FROM users WHERE name = :name;

-- name: set_password
UPDATE users SET password_hash = :password_hash WHERE id = :id;

-- name: set_role
-- Never the last admin's: nobody could give the role back.
UPDATE users SET role = :role WHERE id = :id AND (:role = 'admin' OR EXISTS (
    SELECT 1 FROM users o WHERE o.id <> :id AND o.role = 'admin' AND o.password_hash IS NOT NULL));

-- name: drop_user
DELETE FROM users WHERE id = :id AND (role <> 'admin' OR password_hash IS NULL OR EXISTS (
    SELECT 1 FROM users o WHERE o.id <> :id AND o.role = 'admin' AND o.password_hash IS NOT NULL));

-- name: can_sign_in
SELECT 1 FROM users WHERE password_hash IS NOT NULL LIMIT 1;

-- name: keep_first_link
INSERT INTO first_links (hash, until) VALUES (:hash, :until) ON CONFLICT DO NOTHING;

-- name: is_first_link
SELECT 1 FROM first_links WHERE hash = :hash AND until > :now
    AND NOT EXISTS (SELECT 1 FROM users WHERE password_hash IS NOT NULL);

-- name: add_first_user
-- A person of that name who could not sign in so far can from here on.
INSERT INTO users (id, name, email, role, alert_url, password_hash, created_at)
VALUES (:id, :name, :email, :role, :alert_url, :password_hash, :created_at)
ON CONFLICT (name) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash;

-- name: forget_first_links
DELETE FROM first_links;

-- name: strikes
SELECT key, count, last_at, until FROM strikes WHERE key IN (SELECT value FROM json_each(:keys));

-- name: keep_strikes
INSERT INTO strikes (key, count, last_at, until) VALUES (:key, :count, :last_at, :until)
ON CONFLICT (key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at, until = excluded.until;

-- name: forget_strikes
DELETE FROM strikes WHERE last_at < :before;

-- name: forgive
DELETE FROM strikes WHERE key = :key;

-- name: give_back
-- The try was taken, so that nothing was locked before it.
UPDATE strikes SET count = count - 1, until = NULL WHERE key IN (SELECT value FROM json_each(:keys));
