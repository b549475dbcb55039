-- Which attachment belongs to which email, so that none goes while its mail may still be sent.
CREATE TABLE attachment_uses (
    sha256 TEXT NOT NULL,
    email_id TEXT NOT NULL,
    PRIMARY KEY (sha256, email_id)
) WITHOUT ROWID;
CREATE INDEX attachment_uses_of_email ON attachment_uses (email_id);
INSERT INTO attachment_uses (sha256, email_id)
SELECT DISTINCT a.value ->> 2, e.id FROM emails e, json_each(e.extras, '$.attachments') a WHERE e.extras IS NOT NULL;
-- The age stands behind the bytes in its row: without this index every look would read them all.
CREATE INDEX attachments_age ON attachments (kept_until);

-- How far retention has looked through the emails, which are in the order of their creation.
CREATE TABLE prune_marks (kind TEXT PRIMARY KEY, seen TEXT NOT NULL) WITHOUT ROWID;
-- Emails that ended later than others of their age: when to look at them again.
CREATE TABLE prune_later (email_id TEXT PRIMARY KEY, look_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX prune_later_due ON prune_later (look_at);

-- Only letters to many share their content; all other mail costs this index nothing.
CREATE INDEX emails_of_content ON emails (content_id, id) WHERE content_id <> id;
