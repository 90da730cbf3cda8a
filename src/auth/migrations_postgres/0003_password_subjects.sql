-- The people who have proved themselves by a password, or a response made from one, and have no session for it.
CREATE TABLE password_subjects (
    person_id  text        COLLATE "C" PRIMARY KEY,
    -- As they were described last, as JSON.
    person     text        NOT NULL,
    upkeep     text        NOT NULL CHECK (upkeep IN ('refreshed', 'unrefreshed')),
    -- Until when something of theirs lasts, by the clock of the node that said so: milliseconds since the Unix epoch.
    until      bigint      NOT NULL,
    -- When the row may be deleted.
    kept_until timestamptz NOT NULL
);

CREATE INDEX password_subjects_by_end ON password_subjects (kept_until);
