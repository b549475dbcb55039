-- An event that names no id may be about mail whose id the provider did tell, too. As before, by day first, so that a
-- settle touches the pages of today only, however long the history is.
DROP INDEX messages_without_ref;
CREATE INDEX messages_by_recipient_day ON messages ((accepted_at / 86400000000), lower(recipient), accepted_at)
WHERE accepted_at IS NOT NULL AND NOT is_sandbox;
