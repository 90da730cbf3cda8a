-- A session's id is a UUID, and was a number: `session` keeps those of before. No row is written anew.
ALTER TABLE events ADD COLUMN session_id TEXT;
