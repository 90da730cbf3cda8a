-- What was pushed last to each source.
CREATE TABLE pushed_documents (
    -- The source's name.
    source   TEXT    NOT NULL PRIMARY KEY,
    -- How many there were.
    version  INTEGER NOT NULL,
    -- When it was pushed, in milliseconds since the Unix epoch.
    at       INTEGER NOT NULL,
    -- JSON.
    document BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
