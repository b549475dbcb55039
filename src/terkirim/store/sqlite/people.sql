-- The people, and what was done by whom.

-- name: add_user
INSERT INTO users (id, name, email, role, alert_url, password_hash, created_at)
VALUES (:id, :name, :email, :role, :alert_url, :password_hash, :created_at) ON CONFLICT DO NOTHING;

-- name: users
SELECT id, name, email, role, alert_url, password_hash, created_at FROM users ORDER BY name;

-- name: note
INSERT INTO activity (id, at, who, what, subject, facts) VALUES (:id, :at, :who, :what, :subject, :facts)
ON CONFLICT (id) DO UPDATE SET
    at = excluded.at, facts = json_set(excluded.facts, '$.times', coalesce(activity.facts ->> '$.times', 1) + 1);

-- name: activity
SELECT at, who, what, subject, facts, id FROM activity WHERE (at, id) < (:before, :id)
ORDER BY at DESC, id DESC LIMIT :most;

-- name: place_of_activity
SELECT at FROM activity WHERE id = :id;
