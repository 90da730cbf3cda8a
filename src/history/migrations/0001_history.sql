-- The series that are kept: one query to one source, with the inputs' values that it uses.
CREATE TABLE series (
    -- The first 16 bytes of the SHA-256 of what follows.
    id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    source   TEXT    NOT NULL,
    query    TEXT    NOT NULL,
    -- The values, as a JSON object.
    bindings TEXT    NOT NULL,
    -- For how long its samples are kept, in milliseconds.
    keep     INTEGER NOT NULL,
    -- When somebody wanted it kept last, in milliseconds since the Unix epoch.
    seen     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Samples of a series, compressed. Those of the lowest level are as they were written; some of them become one of the next.
CREATE TABLE chunks (
    id      INTEGER NOT NULL PRIMARY KEY,
    series  BLOB    NOT NULL,
    -- The times of the first and the last sample, in milliseconds since the Unix epoch.
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    -- The length of the data, so that a sum of it needs no data.
    bytes   INTEGER NOT NULL,
    data    BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX chunks_by_series ON chunks (series, last, first, level);
CREATE INDEX chunks_by_age ON chunks (last, bytes);
CREATE INDEX chunks_to_merge ON chunks (series, level) WHERE level < 2;
