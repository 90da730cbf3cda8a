-- One row a sign-in. The token itself is nowhere: only its SHA-256, so that a copy of this table opens nothing.
CREATE TABLE sessions (
    id               uuid    PRIMARY KEY,
    token_hash       bytea   NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    -- In the order of bytes, whatever the database's language.
    person_id        text    NOT NULL COLLATE "C",
    -- The person as the directory described them last. Kept as it was written.
    person           json    NOT NULL,
    -- Milliseconds since the Unix epoch, like every time in here.
    created_at       bigint  NOT NULL,
    last_seen_at     bigint  NOT NULL,
    confirmed_at     bigint  NOT NULL,
    upkeep           text    NOT NULL CHECK (upkeep IN ('refreshed', 'unrefreshed')),
    proved_at        bigint  NOT NULL,
    second_factor_at bigint,
    stays            boolean NOT NULL,
    address          text,
    user_agent       text,
    ended_at         bigint,
    end_reason       text,
    epoch            bigint  NOT NULL,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

CREATE INDEX sessions_alive ON sessions (person_id, created_at, last_seen_at, upkeep, stays) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
