-- One row an event, in the words of the log.
CREATE TABLE events (
    -- AUTOINCREMENT: an id is never given twice, so a place between two rows stays one.
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Milliseconds since the Unix epoch.
    at             INTEGER NOT NULL,
    event          TEXT    NOT NULL,
    result         TEXT    NOT NULL,
    -- Directories do not tell capital letters from small ones, and neither does whoever looks for somebody.
    who            TEXT    COLLATE NOCASE,
    person         TEXT,
    address        TEXT,
    session        INTEGER,
    token          INTEGER,
    page           TEXT,
    reason         TEXT,
    directory_code TEXT,
    factor         TEXT,
    user_agent     TEXT,
    detail         TEXT
) STRICT;

-- Each serves one way of looking, in the order of the list: every index ends in the row's id by itself.
CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_who ON events (who, at) WHERE who IS NOT NULL;
CREATE INDEX events_by_address ON events (address, at) WHERE address IS NOT NULL;
CREATE INDEX events_by_event ON events (event, at);
CREATE INDEX events_by_result ON events (result, at);
