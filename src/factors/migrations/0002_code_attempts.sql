-- Wrong codes by where they were typed: a familiar browser, a network, and all of either together. Each has tries of its own, so
-- that whoever knows the password cannot use up the owner's.
CREATE TABLE code_attempts (
    person_id  TEXT    NOT NULL REFERENCES people ON DELETE CASCADE,
    origin     TEXT    NOT NULL,
    -- Wrong codes since the last right one, and the moment before which no other is heard.
    failed     INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    -- The last of them.
    at         INTEGER NOT NULL,
    PRIMARY KEY (person_id, origin)
) STRICT, WITHOUT ROWID;

-- Those of before were everybody's together.
INSERT INTO code_attempts SELECT person_id, 'unfamiliar', failed, not_before, not_before FROM people WHERE failed > 0;

ALTER TABLE people DROP COLUMN failed;
ALTER TABLE people DROP COLUMN not_before;
