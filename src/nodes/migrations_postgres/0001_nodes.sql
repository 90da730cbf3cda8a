-- The nodes that share this database. Their times are the database's, which is the one clock that all of them can see.
CREATE TABLE nodes (
    -- Random, another after each start.
    id              uuid        PRIMARY KEY,
    name            text        NOT NULL,
    version         text        NOT NULL,
    -- Derived from the secret key in one direction: it tells whether two are the same, and nothing else.
    key_fingerprint text        NOT NULL,
    pages           text        NOT NULL,
    -- Milliseconds.
    clock_ahead     bigint      NOT NULL,
    news_lag        bigint,
    started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at         timestamptz NOT NULL
);
