-- All times are microseconds since 1970, UTC. Ids are UUIDv7 as text: ours, so that every insert can be repeated.
-- What is compared or sorted has COLLATE "C": bytes, in the same order on every server, and several times faster.

CREATE TABLE emails (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    recipients TEXT NOT NULL,      -- JSON {"to": [[address, name]], "cc": ..., "bcc": ...}
    extras TEXT,                   -- JSON: reply_to, headers, tags, attachments, warnings; NULL: none
    route TEXT NOT NULL,
    priority SMALLINT NOT NULL,    -- 0 high, 1 normal, 2 low
    stream TEXT COLLATE "C" NOT NULL,
    if_unclear TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    scheduled_at BIGINT,
    expires_at BIGINT,
    campaign TEXT,
    row TEXT,
    content_id TEXT COLLATE "C" NOT NULL
);

-- Bodies stand apart and are never updated, so that no claim or settle drags them through the cache.
CREATE TABLE contents (
    id TEXT COLLATE "C" PRIMARY KEY,
    html TEXT,
    text TEXT,
    is_template BOOLEAN NOT NULL
);
-- PostgreSQL's older compression costs as much time as all the rest of an accept: where the server lacks the newer one,
-- bodies are kept as they are.
DO $$ BEGIN
    ALTER TABLE contents ALTER COLUMN html SET COMPRESSION lz4, ALTER COLUMN text SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN
    ALTER TABLE contents ALTER COLUMN html SET STORAGE EXTERNAL, ALTER COLUMN text SET STORAGE EXTERNAL;
END $$;

CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    email_id TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    variables TEXT,
    state TEXT COLLATE "C" NOT NULL,  -- while a row stands in outbox, that row's state is the true one
    created_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    lease BIGINT NOT NULL DEFAULT 0,  -- the last fence, so that a requeue goes on from it
    provider TEXT,
    provider_ref TEXT,
    reason TEXT NOT NULL DEFAULT '',
    is_sandbox BOOLEAN NOT NULL DEFAULT false,
    evidence TEXT,
    accepted_at BIGINT,
    finished_at BIGINT,
    delivered_at BIGINT,
    opened_at BIGINT,
    clicked_at BIGINT
);
-- An email to one recipient shares its id with its message, and costs this index nothing.
CREATE INDEX messages_of_email ON messages (email_id) WHERE email_id <> id;
CREATE INDEX messages_dead ON messages (id) WHERE state = 'dead';
CREATE INDEX messages_sandbox ON messages (id) WHERE is_sandbox;

CREATE TABLE outbox (
    id TEXT COLLATE "C" PRIMARY KEY,
    email_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,  -- queued, leased, unclear, held
    route TEXT COLLATE "C" NOT NULL,
    position SMALLINT NOT NULL DEFAULT 0,
    hold TEXT COLLATE "C" NOT NULL DEFAULT '',  -- 'provider/sender' while that sender is refused
    priority SMALLINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT,
    lease BIGINT NOT NULL DEFAULT 0,
    leased_by TEXT COLLATE "C",
    leased_until BIGINT,
    provider TEXT COLLATE "C",
    step INTEGER NOT NULL DEFAULT 0,
    waited BIGINT NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    cancel_wanted BOOLEAN NOT NULL DEFAULT false,
    reason TEXT NOT NULL DEFAULT ''
);
-- Every row is written, leased and deleted within moments: the dead ones are swept up at once, and
-- at full speed, or claims would have to step over them.
ALTER TABLE outbox SET (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.5
);
CREATE INDEX outbox_due ON outbox (hold, route, position, priority, due_at) WHERE state = 'queued';
CREATE INDEX outbox_leased ON outbox (leased_until) WHERE state = 'leased';
CREATE INDEX outbox_unclear ON outbox (due_at) WHERE state = 'unclear';
CREATE INDEX outbox_held ON outbox (id) WHERE state = 'held';
CREATE INDEX outbox_expiring ON outbox (expires_at) WHERE expires_at IS NOT NULL AND state <> 'leased';

CREATE TABLE attempts (
    message_id TEXT COLLATE "C" NOT NULL,
    lease BIGINT NOT NULL,
    number INTEGER NOT NULL,
    provider TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    code TEXT,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, lease)
);

CREATE TABLE events (
    id TEXT COLLATE "C" PRIMARY KEY,
    message_id TEXT COLLATE "C",
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    provider TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX events_of_message ON events (message_id, at);

CREATE TABLE suppressions (
    address TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,  -- '' for every stream
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (address, stream)
);

CREATE TABLE breakers (provider TEXT COLLATE "C" PRIMARY KEY, version BIGINT NOT NULL, row TEXT NOT NULL);
CREATE TABLE rates (provider TEXT COLLATE "C" PRIMARY KEY, row TEXT NOT NULL);
CREATE TABLE pauses (
    provider TEXT COLLATE "C" NOT NULL,
    sender TEXT COLLATE "C" NOT NULL,  -- '' for every sender
    fault TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (provider, sender)
);

CREATE TABLE rollups (
    hour BIGINT NOT NULL,          -- hours since 1970, UTC
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (kind, hour, key, node)
) WITH (fillfactor = 50);          -- the same few rows are counted up all the time, in place

CREATE TABLE idempotency (
    owner TEXT COLLATE "C" NOT NULL,
    route TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, route, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- Never pruned: a CSV run that is started again next year must still send nobody twice.
CREATE TABLE campaign_rows (
    campaign TEXT COLLATE "C" NOT NULL,
    row TEXT COLLATE "C" NOT NULL,
    email_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (campaign, row)
);

CREATE TABLE attachments (
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    body BYTEA NOT NULL,
    kept_until BIGINT NOT NULL
);
ALTER TABLE attachments ALTER COLUMN body SET STORAGE EXTERNAL;  -- files are compressed already

CREATE TABLE api_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE periodic (name TEXT COLLATE "C" PRIMARY KEY, due_at BIGINT NOT NULL);
CREATE TABLE options (name TEXT COLLATE "C" PRIMARY KEY, value TEXT NOT NULL);

-- The processes that share this database. One that can hold a session's lock is known to be dead as
-- soon as its connection ends; the others (behind a pooler) say every few seconds that they live.
CREATE TABLE nodes (
    node TEXT COLLATE "C" PRIMARY KEY,
    lock BIGINT,                   -- the key of its advisory lock; NULL: it can hold none
    seen_at BIGINT NOT NULL,
    changes BIGINT NOT NULL DEFAULT 0  -- +1 when it may have made messages due: read where NOTIFY does not come
) WITH (fillfactor = 50);
