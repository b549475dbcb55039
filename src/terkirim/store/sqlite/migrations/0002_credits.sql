-- Balances as they were read, what is wrong and who was told, the people, and what was done by whom.

CREATE TABLE balances (
    provider TEXT NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,          -- check, send
    credits INTEGER,               -- NULL: the check told nothing usable, see fault and reason
    fault TEXT NOT NULL,
    reason TEXT NOT NULL,
    sent_before INTEGER NOT NULL,  -- what our counts had for this hour when it was read
    bounced_before INTEGER NOT NULL,
    PRIMARY KEY (provider, at, source)
) WITHOUT ROWID;
CREATE INDEX balances_checks ON balances (provider, at) WHERE source = 'check';
CREATE INDEX balances_known ON balances (provider, at) WHERE credits IS NOT NULL;

-- Only while the credits come near to the reserve: how many messages of low and normal priority may still leave.
CREATE TABLE allowances (provider TEXT PRIMARY KEY, left INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    condition TEXT NOT NULL,       -- kind, or kind:subject
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    facts TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    raised_at INTEGER,             -- NULL: it must last before anybody is told
    ended_at INTEGER,
    is_quiet_end INTEGER NOT NULL
) WITHOUT ROWID;
-- Once per condition, whichever node finds it.
CREATE UNIQUE INDEX alerts_open ON alerts (condition) WHERE ended_at IS NULL;
CREATE INDEX alerts_raised ON alerts (raised_at) WHERE raised_at IS NOT NULL;
CREATE INDEX alerts_by_condition ON alerts (condition, raised_at);

-- One row a channel: a repeat goes only to the one that failed.
CREATE TABLE alert_deliveries (
    alert_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    purpose TEXT NOT NULL,         -- alert, recovery, summary, test
    shown TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,           -- waiting, sent, failed, dropped
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    answer TEXT NOT NULL,
    sent_at INTEGER,
    PRIMARY KEY (alert_id, channel, purpose)
) WITHOUT ROWID;
CREATE INDEX alert_deliveries_due ON alert_deliveries (due_at) WHERE state = 'waiting';

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    email TEXT NOT NULL,
    role TEXT NOT NULL,            -- admin, viewer
    alert_url TEXT,
    password_hash TEXT,            -- argon2id, with its salt and its cost; NULL: cannot sign in
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS activity (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS activity_at ON activity (at);
