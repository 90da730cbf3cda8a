-- One row an API token. The token itself is nowhere: only its SHA-256, so that a copy of this file opens nothing.
CREATE TABLE tokens (
    -- AUTOINCREMENT: an id is never given twice, so a live connection cannot end up watching a stranger's token.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash    BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- What its owner calls it.
    name          TEXT    NOT NULL,
    person_id     TEXT    NOT NULL,
    -- The person as the directory described them last, as JSON.
    person        TEXT    NOT NULL,
    -- What it is good for: 'read push:meter'.
    scope         TEXT    NOT NULL,
    -- Whether whoever made it had shown their second factor.
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    -- Milliseconds since the Unix epoch, like every time in here.
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    -- When the directory last said that the person may be signed in, and how it is asked again.
    confirmed_at  INTEGER NOT NULL,
    upkeep        TEXT    NOT NULL CHECK (upkeep IN ('refreshed', 'unrefreshed')),
    last_used_at  INTEGER,
    last_address  TEXT,
    -- A token that has ended stays a while, so that its script still hears why.
    ended_at      INTEGER,
    end_reason    TEXT,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

CREATE INDEX tokens_of_person ON tokens (person_id, created_at, expires_at, upkeep) WHERE ended_at IS NULL;
CREATE INDEX tokens_ended ON tokens (ended_at) WHERE ended_at IS NOT NULL;

-- The keys that sign short-lived tokens (JWT), each sealed with a key that follows from the server's secret.
CREATE TABLE signing_keys (
    kid     TEXT    PRIMARY KEY,
    sealed  BLOB    NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
