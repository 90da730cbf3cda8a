-- Failed sign-ins that count, and whose name is whose. All keys are hashes under a key of this server.

CREATE TABLE names (
    name      INTEGER NOT NULL,
    is_typed  INTEGER NOT NULL,
    person    INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (name, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
    person        INTEGER PRIMARY KEY,
    network       INTEGER,
    threshold     INTEGER,
    window_ms     INTEGER,
    signed_in_at  INTEGER NOT NULL
) STRICT;

-- The failures are a JSON array of pairs: the time, and the place (0 unfamiliar, 1 familiar, 2 the owner's own browser).
CREATE TABLE failures (
    kind        INTEGER NOT NULL,
    account     INTEGER NOT NULL,
    failures    TEXT NOT NULL,
    window_ms   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (kind, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    released_at  INTEGER NOT NULL
) STRICT;
