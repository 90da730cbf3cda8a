-- When the person last proved who they are with a password or a passkey: what an admin does asks for a recent one.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET proved_at = created_at;

-- When they last showed a second factor.
ALTER TABLE sessions ADD COLUMN second_factor_at INTEGER;

-- Whether they asked to stay signed in.
ALTER TABLE sessions ADD COLUMN stays INTEGER NOT NULL DEFAULT 0 CHECK (stays IN (0, 1));

-- Every index is written with every sign-in. One that has all that the sweep and the refresh look at serves both.
DROP INDEX sessions_by_creation;
DROP INDEX sessions_by_last_use;
DROP INDEX sessions_by_upkeep;
DROP INDEX sessions_of_person;
CREATE INDEX sessions_alive ON sessions (person_id, created_at, last_seen_at, upkeep, stays) WHERE ended_at IS NULL;
