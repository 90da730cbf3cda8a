-- The program's own accounts. Times are milliseconds since the Unix epoch.
CREATE TABLE accounts (
    -- A random UUID, never given twice: an account made anew under the same name is another.
    id              TEXT    NOT NULL PRIMARY KEY,
    -- Lower case, like `mail`.
    name            TEXT    NOT NULL UNIQUE,
    display_name    TEXT    NOT NULL,
    mail            TEXT    UNIQUE,
    -- A JSON list of names.
    groups          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    disabled_at     INTEGER,
    -- Argon2id, as a PHC string.
    password_hash   TEXT    NOT NULL,
    -- Sessions from before end.
    password_set_at INTEGER NOT NULL,
    -- Whether pages open only once a second factor is enrolled and shown.
    second_factor   INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    -- What Digest needs in place of a password, encrypted with a key that is not in this file.
    digest          BLOB
) STRICT;

-- Open invitations. One that was accepted or withdrawn is gone; the audit remembers it.
CREATE TABLE invitations (
    -- AUTOINCREMENT: an id is never given twice, so withdrawing one cannot hit another.
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 of 256 random bits: a copy of this file accepts nothing.
    code_hash          BLOB    NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    name               TEXT    NOT NULL UNIQUE,
    display_name       TEXT    NOT NULL,
    mail               TEXT    UNIQUE,
    groups             TEXT    NOT NULL,
    account_expires_at INTEGER,
    second_factor      INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    invited_by         TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL
) STRICT;

-- What the command line did, until the server has written it into the audit.
CREATE TABLE acts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    act     TEXT    NOT NULL,
    account TEXT    NOT NULL
) STRICT;
