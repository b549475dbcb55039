-- What the customer's own app is told: endpoints, what happened, payloads, deliveries and their attempts.

CREATE TABLE webhook_endpoints (
    id TEXT COLLATE "C" PRIMARY KEY,
    url TEXT NOT NULL,
    types TEXT[] NOT NULL,         -- {}: every type
    secret TEXT NOT NULL,          -- as it is: it must sign
    old_secret TEXT,
    old_until BIGINT,
    created_at BIGINT NOT NULL,
    why_disabled TEXT,             -- NULL: it is enabled; '': a person disabled it
    failing_since BIGINT,
    failures INTEGER NOT NULL DEFAULT 0
);

-- Which types anybody wants: what nobody wants is not written.
CREATE TABLE webhook_wanted (type TEXT COLLATE "C" PRIMARY KEY);

-- What has happened, by the transaction in which it happened; `publish` takes it out again.
CREATE TABLE webhook_facts (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type TEXT NOT NULL,
    at BIGINT NOT NULL,
    message_id TEXT COLLATE "C",
    facts TEXT NOT NULL
);
-- Up to where the log of events is published; its lock lets one node publish at a time.
CREATE TABLE webhook_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq BIGINT NOT NULL);

-- One body for all endpoints and attempts. Ids are in the order of publication.
CREATE TABLE webhook_payloads (
    id TEXT COLLATE "C" PRIMARY KEY,
    type TEXT NOT NULL,
    at BIGINT NOT NULL,
    message_id TEXT COLLATE "C",
    body TEXT NOT NULL
);
CREATE INDEX webhook_payloads_of_message ON webhook_payloads (message_id, id) WHERE message_id IS NOT NULL;

CREATE TABLE webhook_deliveries (
    payload_id TEXT COLLATE "C" NOT NULL,
    endpoint_id TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL,           -- waiting, delivered, failed, held
    since BIGINT NOT NULL,         -- when its schedule of attempts began
    due_at BIGINT,                 -- of what waits: the next attempt, or the end of the lease
    lease INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (payload_id, endpoint_id)
);
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, payload_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, payload_id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (state, endpoint_id, payload_id) WHERE state <> 'delivered';

CREATE TABLE webhook_attempts (
    payload_id TEXT COLLATE "C" NOT NULL,
    endpoint_id TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,       -- the lease
    at BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    code INTEGER,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (payload_id, endpoint_id, number)
);
