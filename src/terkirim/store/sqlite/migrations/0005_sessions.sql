-- Who is signed in to the pages, who tried to, and how the first person gets in.

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,         -- SHA-256 of the token in the cookie
    user_id TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    until INTEGER NOT NULL         -- however much it is used
) WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);

-- Tries to sign in that were not followed by a success, by a hash of who tried, and from where.
CREATE TABLE strikes (
    key TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    until INTEGER                  -- no try is taken before
) WITHOUT ROWID;
CREATE INDEX strikes_age ON strikes (last_at);

-- One-time links by which the first admin is made, by the hash of their token.
CREATE TABLE first_links (hash TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
