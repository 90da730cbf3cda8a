-- The last bump of each person by each kind of event. Whatever was proved in an earlier epoch has ended, as far as that event
-- ends it. Ids are compared by their bytes ("C"), on every machine alike.
CREATE TABLE epoch_bumps (
    -- The person's id; empty for everybody.
    person_id text   COLLATE "C" NOT NULL,
    event     text   COLLATE "C" NOT NULL,
    -- The epoch that it began.
    epoch     bigint NOT NULL UNIQUE,
    -- The session in which it was made, which goes on.
    kept      uuid,
    -- Milliseconds since the Unix epoch.
    at        bigint NOT NULL,
    PRIMARY KEY (person_id, event)
);

-- One row. Whoever bumps holds its lock until the bump is visible: bumps are seen in the order of their epochs. The epochs begin
-- at the time at which the table was made, so that those of a database that was lost are not given again.
CREATE TABLE epoch_counter (
    id      bigint PRIMARY KEY CHECK (id = 1),
    -- The epoch that the last bump began.
    last    bigint NOT NULL,
    -- The last one whose bump has ended the sessions and API tokens that it ends.
    applied bigint NOT NULL
);

-- The password of each person whose directory is asked, as it was last seen to be another.
CREATE TABLE known_passwords (
    person_id   text    COLLATE "C" PRIMARY KEY,
    -- When it was set, in milliseconds since the Unix epoch: the latest time that was seen, as controllers lag behind each other.
    set_at      bigint  NOT NULL,
    -- Whether it was since seen as one that must be changed.
    must_change boolean NOT NULL,
    -- The epoch that this began, 0 where none was seen before.
    epoch       bigint  NOT NULL
);
