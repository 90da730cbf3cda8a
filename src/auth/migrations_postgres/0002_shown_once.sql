-- Secrets that a page shows once to the session that made them, sealed.
CREATE TABLE shown_once (
    session_id uuid        NOT NULL,
    kind       text        COLLATE "C" NOT NULL,
    sealed     bytea       NOT NULL,
    until      timestamptz NOT NULL,
    PRIMARY KEY (session_id, kind)
);

CREATE INDEX shown_once_by_end ON shown_once (until);
