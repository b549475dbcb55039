-- Who is signed in to the pages, who tried to, and how the first person gets in.

CREATE TABLE sessions (
    hash TEXT COLLATE "C" PRIMARY KEY,  -- SHA-256 of the token in the cookie
    user_id TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    until BIGINT NOT NULL          -- however much it is used
);
CREATE INDEX sessions_of_user ON sessions (user_id);

-- Tries to sign in that were not followed by a success, by a hash of who tried, and from where.
CREATE TABLE strikes (
    key TEXT COLLATE "C" PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at BIGINT NOT NULL,
    until BIGINT                   -- no try is taken before
);
CREATE INDEX strikes_age ON strikes (last_at);

-- One-time links by which the first admin is made, by the hash of their token.
CREATE TABLE first_links (hash TEXT COLLATE "C" PRIMARY KEY, until BIGINT NOT NULL);
