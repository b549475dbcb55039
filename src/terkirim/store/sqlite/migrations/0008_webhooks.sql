-- What the customer's own app is told: endpoints, what happened, payloads, deliveries and their attempts.

CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    types TEXT NOT NULL,           -- JSON list; []: every type
    secret TEXT NOT NULL,          -- as it is: it must sign
    old_secret TEXT,
    old_until INTEGER,
    created_at INTEGER NOT NULL,
    why_disabled TEXT,             -- NULL: it is enabled; '': a person disabled it
    failing_since INTEGER,
    failures INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Which types anybody wants: what nobody wants is not written.
CREATE TABLE webhook_wanted (type TEXT PRIMARY KEY) WITHOUT ROWID;

-- What has happened, by the transaction in which it happened; `publish` takes it out again.
CREATE TABLE webhook_facts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    message_id TEXT,
    facts TEXT NOT NULL
);
-- Up to where the log of events is published.
CREATE TABLE webhook_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);

-- One body for all endpoints and attempts. Ids are in the order of publication.
CREATE TABLE webhook_payloads (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    message_id TEXT,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX webhook_payloads_of_message ON webhook_payloads (message_id, id) WHERE message_id IS NOT NULL;

CREATE TABLE webhook_deliveries (
    payload_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    state TEXT NOT NULL,           -- waiting, delivered, failed, held
    since INTEGER NOT NULL,        -- when its schedule of attempts began
    due_at INTEGER,                -- of what waits: the next attempt, or the end of the lease
    lease INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (payload_id, endpoint_id)
) WITHOUT ROWID;
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, payload_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, payload_id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (state, endpoint_id, payload_id) WHERE state <> 'delivered';

CREATE TABLE webhook_attempts (
    payload_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    number INTEGER NOT NULL,       -- the lease
    at INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    code INTEGER,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (payload_id, endpoint_id, number)
) WITHOUT ROWID;
