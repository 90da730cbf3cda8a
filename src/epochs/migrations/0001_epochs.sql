-- The last bump of each person by each kind of event. Whatever was proved in an earlier epoch has ended, as far as that event
-- ends it.
CREATE TABLE bumps (
    -- The person's id; empty for everybody.
    person_id TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    -- The epoch that it began.
    epoch     INTEGER NOT NULL UNIQUE,
    -- The session in which it was made, which goes on.
    kept      BLOB    CHECK (kept IS NULL OR length(kept) = 16),
    -- Milliseconds since the Unix epoch.
    at        INTEGER NOT NULL,
    PRIMARY KEY (person_id, event)
) STRICT;

-- One row. The epochs begin at the time at which the file was made, so that those of a file that was lost are not given again.
CREATE TABLE counter (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- The epoch that the last bump began.
    last    INTEGER NOT NULL,
    -- The last one whose bump has ended the sessions and API tokens that it ends.
    applied INTEGER NOT NULL
) STRICT;
