-- What is known of a person grows old unless the directory is asked again.
-- When the directory was last asked about the person and said that they may be signed in.
ALTER TABLE sessions ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;
-- 'refreshed': the directory is asked again and again; 'unrefreshed': nobody can ask, so the session is short.
-- The sessions from before are short, until somebody finds that the directory can be asked about them.
ALTER TABLE sessions ADD COLUMN upkeep TEXT NOT NULL DEFAULT 'unrefreshed'
    CHECK (upkeep IN ('refreshed', 'unrefreshed'));

UPDATE sessions SET confirmed_at = created_at;

CREATE INDEX sessions_by_upkeep ON sessions (upkeep, person_id) WHERE ended_at IS NULL;
