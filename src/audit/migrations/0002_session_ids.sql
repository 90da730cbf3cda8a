-- A session's id is a UUID, and was a number: that stays as it was written.
ALTER TABLE events ADD COLUMN session_id TEXT;
UPDATE events SET session_id = session WHERE session IS NOT NULL;
ALTER TABLE events DROP COLUMN session;
ALTER TABLE events RENAME COLUMN session_id TO session;
