-- What people search messages by, indexed behind: no accept waits for it.

-- A block is some two hundred messages, one after the other in the order of their ids. `terms` has their recipients,
-- senders, domains, subject words and tags as single terms (policy/search.py makes them), each with the places in `ids` of
-- the messages that have it. So the index says in which blocks a term is, which are few however many messages have it.
CREATE TABLE search_blocks (
    last TEXT COLLATE "C" PRIMARY KEY,  -- the block covers the ids up to this one,
    low TEXT COLLATE "C" NOT NULL,      -- and above this one, where the block before it ends
    ids UUID[] NOT NULL,
    terms TSVECTOR NOT NULL
);
-- PostgreSQL's older compression costs several times as much time; where the server lacks the newer one, it has to do.
DO $$ BEGIN
    ALTER TABLE search_blocks ALTER COLUMN terms SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
-- Without a list of what is not sorted in yet: each search would have to read it through.
CREATE INDEX search_blocks_terms ON search_blocks USING gin (terms) WITH (fastupdate = off);
-- How far the messages are indexed, and how far the blocks were looked at again.
CREATE TABLE search_mark (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seen TEXT COLLATE "C" NOT NULL,
    checked TEXT COLLATE "C" NOT NULL
);

-- Whoever forgets a message, or takes the person out of it, need not know of this index.
CREATE TABLE search_gone (id TEXT COLLATE "C" PRIMARY KEY);
CREATE FUNCTION search_forgets() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO search_gone (id) VALUES (old.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER search_forgets_deleted AFTER DELETE ON messages FOR EACH ROW EXECUTE FUNCTION search_forgets();
CREATE TRIGGER search_forgets_erased AFTER UPDATE OF recipient ON messages
    FOR EACH ROW WHEN (old.recipient <> new.recipient) EXECUTE FUNCTION search_forgets();

-- Ends that few messages come to: a list of them must not look through all that went well.
CREATE INDEX messages_seldom ON messages (state, id) WHERE state IN ('bounced', 'complained', 'suppressed', 'cancelled');
