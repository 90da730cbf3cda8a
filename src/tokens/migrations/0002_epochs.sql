-- The epoch in which the token was made: a later bump of its owner ends it.
ALTER TABLE tokens ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
