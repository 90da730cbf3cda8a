-- One row a sign-in. The token itself is nowhere: only its SHA-256, so that a copy of this file opens nothing.
CREATE TABLE sessions (
    -- AUTOINCREMENT: an id is never given twice, so a live connection cannot end up watching a stranger's session.
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash   BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    person_id    TEXT    NOT NULL,
    -- The person as the directory described them at sign-in, as JSON.
    person       TEXT    NOT NULL,
    -- Milliseconds since the Unix epoch, like every time in here.
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    address      TEXT,
    user_agent   TEXT,
    -- An ended session stays a little while, so that a connection that comes late still hears why.
    ended_at     INTEGER,
    end_reason   TEXT,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

CREATE INDEX sessions_of_person ON sessions (person_id, created_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_creation ON sessions (created_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_last_use ON sessions (last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
