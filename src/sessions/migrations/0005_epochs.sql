-- The epoch in which the person was authenticated: a later bump of theirs ends the session.
ALTER TABLE sessions ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
