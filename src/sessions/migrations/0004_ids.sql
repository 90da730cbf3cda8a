-- An id is a UUID, which any number of servers can give without asking each other. A session from before keeps its number as
-- the last digits of one, so that they stay in the order in which they began.
CREATE TABLE new_sessions (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token_hash       BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    person_id        TEXT    NOT NULL,
    -- The person as the directory described them last, as JSON.
    person           TEXT    NOT NULL,
    -- Milliseconds since the Unix epoch, like every time in here.
    created_at       INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    confirmed_at     INTEGER NOT NULL,
    upkeep           TEXT    NOT NULL CHECK (upkeep IN ('refreshed', 'unrefreshed')),
    proved_at        INTEGER NOT NULL,
    second_factor_at INTEGER,
    stays            INTEGER NOT NULL CHECK (stays IN (0, 1)),
    address          TEXT,
    user_agent       TEXT,
    ended_at         INTEGER,
    end_reason       TEXT,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

INSERT INTO new_sessions
    SELECT unhex(format('%032x', id)), token_hash, person_id, person, created_at, last_seen_at, confirmed_at,
        upkeep, proved_at, second_factor_at, stays, address, user_agent, ended_at, end_reason FROM sessions ORDER BY id;
DROP TABLE sessions;
ALTER TABLE new_sessions RENAME TO sessions;

CREATE INDEX sessions_alive ON sessions (person_id, created_at, last_seen_at, upkeep, stays) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
