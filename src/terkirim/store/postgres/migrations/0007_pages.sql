-- What the pages look for: suppressed addresses by their domain, and the callback that an event was made of.
CREATE INDEX suppressions_by_domain ON suppressions (split_part(address, '@', 2), id);
CREATE INDEX callbacks_received ON callbacks (received_at);
