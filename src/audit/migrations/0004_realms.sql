-- Where somebody was found, and what they are called there. NULL: `who` was typed by somebody who had proved nothing, or the row is
-- from before.
ALTER TABLE events ADD COLUMN realm TEXT;
ALTER TABLE events ADD COLUMN account TEXT;

CREATE INDEX events_by_realm ON events (realm, at) WHERE realm IS NOT NULL;
