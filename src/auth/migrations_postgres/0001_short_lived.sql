-- What a sign-in or a request leaves for minutes, for whichever node gets the next one. It ends by the database's clock, which is the
-- one clock that all nodes can see. What is secret in it is sealed with a key that is not in this database.

-- Sign-ins that wait for their second factor, by the hash of their token.
CREATE TABLE pending_sign_ins (
    token_hash  bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    person_id   text        COLLATE "C" NOT NULL,
    -- Where it was begun: there may be so many of one person from one place.
    place       text        COLLATE "C" NOT NULL,
    is_familiar boolean     NOT NULL,
    -- Encrypted: the person, the typed name and the options of the session.
    sealed      bytea       NOT NULL,
    until       timestamptz NOT NULL
);

CREATE INDEX pending_sign_ins_of_person ON pending_sign_ins (person_id, until);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (until);

-- The nonces of Digest with a right response, and the counts of them that were used (RFC 4303, 3.4.3).
CREATE TABLE used_nonces (
    random    bytea       PRIMARY KEY CHECK (octet_length(random) = 8),
    -- By the clock of the node that issued it, in milliseconds since the Unix epoch.
    issued_at bigint      NOT NULL,
    highest   bigint      NOT NULL,
    bitmap    bigint      NOT NULL,
    until     timestamptz NOT NULL
);

CREATE INDEX used_nonces_by_end ON used_nonces (until);

-- One row: nonces that were issued before are stale, as what was used of them has been forgotten.
CREATE TABLE nonce_horizon (
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    valid_since bigint  NOT NULL
);

INSERT INTO nonce_horizon (valid_since) VALUES (0);
