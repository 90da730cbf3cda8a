-- The password of each person whose directory is asked, as it was last seen to be another.
CREATE TABLE passwords (
    person_id   TEXT    NOT NULL PRIMARY KEY,
    -- When it was set, in milliseconds since the Unix epoch: the latest time that was seen, as controllers lag behind each other.
    set_at      INTEGER NOT NULL,
    -- Whether it was since seen as one that must be changed.
    must_change INTEGER NOT NULL CHECK (must_change IN (0, 1)),
    -- The epoch that this began, 0 where none was seen before.
    epoch       INTEGER NOT NULL
) STRICT;
