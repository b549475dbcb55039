-- Balances as they were read, what is wrong and who was told, the people, and what was done by whom.

CREATE TABLE balances (
    provider TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,  -- check, send
    credits BIGINT,                -- NULL: the check told nothing usable, see fault and reason
    fault TEXT NOT NULL,
    reason TEXT NOT NULL,
    sent_before BIGINT NOT NULL,   -- what our counts had for this hour when it was read
    bounced_before BIGINT NOT NULL,
    PRIMARY KEY (provider, at, source)
);
CREATE INDEX balances_checks ON balances (provider, at) WHERE source = 'check';
CREATE INDEX balances_known ON balances (provider, at) WHERE credits IS NOT NULL;

-- Only while the credits come near to the reserve: how many messages of low and normal priority may still leave.
CREATE TABLE allowances (provider TEXT COLLATE "C" PRIMARY KEY, rest BIGINT NOT NULL);

CREATE TABLE alerts (
    id TEXT COLLATE "C" PRIMARY KEY,
    condition TEXT COLLATE "C" NOT NULL,  -- kind, or kind:subject
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    facts TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    raised_at BIGINT,              -- NULL: it must last before anybody is told
    ended_at BIGINT,
    is_quiet_end BOOLEAN NOT NULL
);
-- Once per condition, whichever node finds it.
CREATE UNIQUE INDEX alerts_open ON alerts (condition) WHERE ended_at IS NULL;
CREATE INDEX alerts_raised ON alerts (raised_at) WHERE raised_at IS NOT NULL;
CREATE INDEX alerts_by_condition ON alerts (condition, raised_at);

-- One row a channel: a repeat goes only to the one that failed.
CREATE TABLE alert_deliveries (
    alert_id TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,  -- alert, recovery, summary, test
    shown TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,           -- waiting, sent, failed, dropped
    due_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    answer TEXT NOT NULL,
    sent_at BIGINT,
    PRIMARY KEY (alert_id, channel, purpose)
);
CREATE INDEX alert_deliveries_due ON alert_deliveries (due_at) WHERE state = 'waiting';

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,            -- admin, viewer
    alert_url TEXT,
    password_hash TEXT,            -- argon2id, with its salt and its cost; NULL: cannot sign in
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_by_name ON users (lower(name));

CREATE TABLE IF NOT EXISTS activity (
    id TEXT COLLATE "C" PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activity_at ON activity (at);
