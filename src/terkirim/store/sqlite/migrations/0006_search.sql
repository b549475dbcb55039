-- What people search messages by, indexed behind: no accept waits for it.

-- Messages in the order of their ids; `doc` is the row in search_terms.
CREATE TABLE search_docs (doc INTEGER PRIMARY KEY, id TEXT NOT NULL);
-- Each message's recipient, sender, their domains, subject words and tags as single terms (policy/search.py makes them).
CREATE VIRTUAL TABLE search_terms USING fts5(terms, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab('search_terms', 'row');
-- How far the messages are indexed: all up to this id.
CREATE TABLE search_mark (one INTEGER PRIMARY KEY CHECK (one = 1), seen TEXT NOT NULL, doc INTEGER NOT NULL);
INSERT INTO search_mark (one, seen, doc) VALUES (1, '', 0);

-- Whoever forgets a message, or takes the person out of it, need not know of this index.
CREATE TABLE search_gone (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER search_forgets_deleted AFTER DELETE ON messages BEGIN
    INSERT INTO search_gone (id) VALUES (old.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER search_forgets_erased AFTER UPDATE OF recipient ON messages WHEN old.recipient <> new.recipient BEGIN
    INSERT INTO search_gone (id) VALUES (old.id) ON CONFLICT DO NOTHING;
END;

-- Ends that few messages come to: a list of them must not look through all that went well.
CREATE INDEX messages_seldom ON messages (state, id) WHERE state IN ('bounced', 'complained', 'suppressed', 'cancelled');
