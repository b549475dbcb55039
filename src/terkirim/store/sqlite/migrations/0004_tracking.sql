-- Raw callbacks, the log of events, and what is needed to match, count and suppress.

CREATE TABLE callbacks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    provider TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,           -- new, again (a replay), applied, nothing (says nothing of a message), broken
    note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX callbacks_open ON callbacks (state DESC, seq) WHERE state IN ('new', 'again');
CREATE INDEX callbacks_aside ON callbacks (seq) WHERE state IN ('nothing', 'broken');

-- Apart from the raw bodies, which are forgotten sooner.
CREATE TABLE callback_keys (
    key TEXT PRIMARY KEY,
    kept_at INTEGER NOT NULL,
    is_dated INTEGER NOT NULL      -- 0: the same body is another event after ten minutes
) WITHOUT ROWID;
CREATE INDEX callback_keys_age ON callback_keys (is_dated, kept_at);

-- The ordered log of facts: whoever must learn of every one reads on from the last `seq` it has seen.
ALTER TABLE events RENAME TO events_before;
DROP INDEX events_of_message;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,       -- made of the callback: a replay inserts nothing twice
    message_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    provider TEXT NOT NULL,
    match TEXT NOT NULL,           -- id, reference, guessed
    recipient TEXT,
    reference TEXT,
    bounce TEXT,
    is_scanner INTEGER NOT NULL DEFAULT 0,
    facts TEXT NOT NULL
);
INSERT INTO events (id, message_id, kind, at, received_at, provider, match, facts)
SELECT id, message_id, kind, at, received_at, provider, 'id', facts FROM events_before
WHERE message_id IS NOT NULL ORDER BY received_at, id;
DROP TABLE events_before;
CREATE INDEX events_of_message ON events (message_id, at);
CREATE INDEX events_of_kind ON events (kind, seq);

-- Events that found no message yet. They enter `events` when they find it, so that its order is of facts.
CREATE TABLE unmatched (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    provider TEXT NOT NULL,
    recipient TEXT,
    reference TEXT,
    bounce TEXT,
    facts TEXT NOT NULL,
    due_at INTEGER                 -- when it is looked at again; NULL: only when a person asks
) WITHOUT ROWID;
CREATE INDEX unmatched_due ON unmatched (due_at) WHERE due_at IS NOT NULL;

ALTER TABLE messages ADD COLUMN told INTEGER NOT NULL DEFAULT 0; -- which facts are known, see policy/evidence.py
-- A provider's own id, where it is not ours; most mail costs this index nothing.
CREATE INDEX messages_by_ref ON messages (provider_ref) WHERE provider_ref <> id AND is_sandbox = 0;
-- Where the provider names no id at all (Mailketing's v1), recipient and time must do. By day first, so that a
-- settle touches the pages of today only, however long the history is.
CREATE INDEX messages_without_ref ON messages (accepted_at / 86400000000, lower(recipient), accepted_at)
WHERE accepted_at IS NOT NULL AND provider_ref IS NULL AND is_sandbox = 0;

ALTER TABLE suppressions ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE suppressions ADD COLUMN source_id TEXT;
ALTER TABLE suppressions ADD COLUMN note TEXT NOT NULL DEFAULT '';
UPDATE suppressions SET id = lower(hex(randomblob(16)));
CREATE UNIQUE INDEX suppressions_by_id ON suppressions (id);
CREATE INDEX suppressions_ending ON suppressions (until) WHERE until IS NOT NULL;

-- Transient bounces by address, whether or not their message is known; forgotten when they are too old.
CREATE TABLE transient_bounces (
    address TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (address, event_id)
) WITHOUT ROWID;
CREATE INDEX transient_bounces_age ON transient_bounces (at);

-- Which tags and senders have counts of their own on a day: a bounded number of them.
CREATE TABLE rollup_keys (
    day INTEGER NOT NULL,          -- days since 1970, UTC
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (day, kind, key)
) WITHOUT ROWID;
