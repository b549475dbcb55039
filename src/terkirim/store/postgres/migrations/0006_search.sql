-- Ends that few messages come to: a list of them must not look through all that went well.
CREATE INDEX messages_seldom ON messages (state, id) WHERE state IN ('bounced', 'complained', 'suppressed', 'cancelled');
