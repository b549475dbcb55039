-- All times are microseconds since 1970, UTC. Ids are UUIDv7 as text: ours, so that every insert can be repeated.

CREATE TABLE emails (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    recipients TEXT NOT NULL,      -- JSON {"to": [[address, name]], "cc": ..., "bcc": ...}
    extras TEXT,                   -- JSON: reply_to, headers, tags, attachments, warnings; NULL: none
    route TEXT NOT NULL,
    priority INTEGER NOT NULL,     -- 0 high, 1 normal, 2 low
    stream TEXT NOT NULL,
    if_unclear TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    scheduled_at INTEGER,
    expires_at INTEGER,
    campaign TEXT,
    row TEXT,
    content_id TEXT NOT NULL
) WITHOUT ROWID;

-- Bodies stand apart and are never updated, so that no claim or settle drags them through the cache.
CREATE TABLE contents (
    id TEXT PRIMARY KEY,
    html TEXT,
    text TEXT,
    is_template INTEGER NOT NULL
);

CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    email_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL,
    variables TEXT,
    state TEXT NOT NULL,           -- while a row stands in outbox, that row's state is the true one
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    lease INTEGER NOT NULL DEFAULT 0,  -- the last fence, so that a requeue goes on from it
    provider TEXT,
    provider_ref TEXT,
    reason TEXT NOT NULL DEFAULT '',
    is_sandbox INTEGER NOT NULL DEFAULT 0,
    evidence TEXT,
    accepted_at INTEGER,
    finished_at INTEGER,
    delivered_at INTEGER,
    opened_at INTEGER,
    clicked_at INTEGER
) WITHOUT ROWID;
-- An email to one recipient shares its id with its message, and costs this index nothing.
CREATE INDEX messages_of_email ON messages (email_id) WHERE email_id <> id;
CREATE INDEX messages_dead ON messages (id) WHERE state = 'dead';
CREATE INDEX messages_sandbox ON messages (id) WHERE is_sandbox = 1;

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    email_id TEXT NOT NULL,
    state TEXT NOT NULL,           -- queued, leased, unclear, held
    route TEXT NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    hold TEXT NOT NULL DEFAULT '', -- 'provider/sender' while that sender is refused
    priority INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    expires_at INTEGER,
    lease INTEGER NOT NULL DEFAULT 0,
    leased_by TEXT,
    leased_until INTEGER,
    provider TEXT,
    step INTEGER NOT NULL DEFAULT 0,
    waited INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    cancel_wanted INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (hold, route, position, priority, due_at) WHERE state = 'queued';
CREATE INDEX outbox_leased ON outbox (leased_until) WHERE state = 'leased';
CREATE INDEX outbox_unclear ON outbox (due_at) WHERE state IN ('unclear', 'held');
CREATE INDEX outbox_expiring ON outbox (expires_at) WHERE expires_at IS NOT NULL AND state <> 'leased';

CREATE TABLE attempts (
    message_id TEXT NOT NULL,
    lease INTEGER NOT NULL,
    number INTEGER NOT NULL,
    provider TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, lease)
) WITHOUT ROWID;

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    message_id TEXT,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    provider TEXT NOT NULL,
    facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_of_message ON events (message_id, at);

CREATE TABLE suppressions (
    address TEXT NOT NULL,
    stream TEXT NOT NULL,          -- '' for every stream
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (address, stream)
) WITHOUT ROWID;

CREATE TABLE breakers (provider TEXT PRIMARY KEY, version INTEGER NOT NULL, row TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rates (provider TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pauses (
    provider TEXT NOT NULL,
    sender TEXT NOT NULL,          -- '' for every sender
    fault TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (provider, sender)
) WITHOUT ROWID;

CREATE TABLE rollups (
    hour INTEGER NOT NULL,         -- hours since 1970, UTC
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    node TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (kind, hour, key, node)
) WITHOUT ROWID;

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, route, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);

-- Never pruned: a CSV run that is started again next year must still send nobody twice.
CREATE TABLE campaign_rows (
    campaign TEXT NOT NULL,
    row TEXT NOT NULL,
    email_id TEXT NOT NULL,
    PRIMARY KEY (campaign, row)
) WITHOUT ROWID;

CREATE TABLE attachments (
    sha256 TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    kept_until INTEGER NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) WITHOUT ROWID;

CREATE TABLE periodic (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE options (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
