-- Who has a second factor, or had one. The row stays when the last factor goes, so that its owner can be told.
CREATE TABLE people (
    person_id   TEXT    PRIMARY KEY,
    -- What a passkey knows its owner by (WebAuthn, 5.4.3): random, so that an authenticator tells nothing of them.
    user_handle BLOB    NOT NULL UNIQUE CHECK (length(user_handle) = 64),
    -- The person as last described, as JSON: the directory is asked about them before a passkey alone signs them in.
    person      TEXT    NOT NULL,
    -- The name under which admins look for them, in small letters.
    name        TEXT    NOT NULL,
    -- Wrong codes since the last right one, and the moment before which no other is heard.
    failed      INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    -- What was changed last, in words for the owner. Milliseconds since the Unix epoch, like every time in here.
    changed     TEXT,
    changed_at  INTEGER,
    CHECK ((changed IS NULL) = (changed_at IS NULL))
) STRICT;

CREATE INDEX people_by_name ON people (name);

-- Authenticator apps (RFC 6238). The seed is sealed: a copy of this file makes no code.
CREATE TABLE apps (
    person_id    TEXT    PRIMARY KEY REFERENCES people ON DELETE CASCADE,
    sealed_seed  BLOB    NOT NULL,
    -- The time step of the last code that was taken: no code of it, or from before it, is taken again.
    last_step    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

-- Recovery codes, as hashes. One that was used is gone.
CREATE TABLE recovery_codes (
    person_id TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    PRIMARY KEY (person_id, code_hash)
) STRICT, WITHOUT ROWID;

-- Passkeys: public keys, which open nothing by themselves.
CREATE TABLE passkeys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    credential_id BLOB    NOT NULL UNIQUE,
    person_id     TEXT    NOT NULL REFERENCES people ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    static_state  BLOB    NOT NULL,
    dynamic_state BLOB    NOT NULL CHECK (length(dynamic_state) = 7),
    transports    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;

CREATE INDEX passkeys_of_person ON passkeys (person_id);

-- Challenges that a passkey has answered. Each is answered once; after its time it is forgotten.
CREATE TABLE answered (
    challenge BLOB    PRIMARY KEY CHECK (length(challenge) = 16),
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX answered_by_time ON answered (until);
