-- A row is an event and its repeats: how many there were, and the last of them. NULL: it was once.
ALTER TABLE events ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE events ADD COLUMN last_at INTEGER;
-- The row's number in the process that wrote it: with its time it finds the row to which repeats are added.
ALTER TABLE events ADD COLUMN sequence INTEGER;

-- When a row makes room for others (0: a stranger's refusal, 1: what a person did, 2: administration), and whose place it takes.
ALTER TABLE events ADD COLUMN class INTEGER NOT NULL DEFAULT 1;
ALTER TABLE events ADD COLUMN holder TEXT NOT NULL DEFAULT '';

UPDATE events SET holder = coalesce(person, address, ''), class = CASE
    WHEN result = 'refused' AND person IS NULL THEN 0
    WHEN person IS NULL OR event IN ('admin-acted', 'audit-exported', 'factors-reset', 'account-added', 'account-disabled',
        'account-enabled', 'account-removed', 'account-groups-set', 'account-password-set', 'account-digest-on',
        'account-digest-off', 'invited', 'invitation-accepted', 'invitation-withdrawn') THEN 2
    ELSE 1 END;

CREATE INDEX events_by_holder ON events (class, event, holder, at);

-- How many rows each holder has of a kind of event, so that those with the most are found without counting.
CREATE TABLE holdings (
    class  INTEGER NOT NULL,
    event  TEXT    NOT NULL,
    holder TEXT    NOT NULL,
    held   INTEGER NOT NULL,
    PRIMARY KEY (class, event, holder)
) STRICT, WITHOUT ROWID;

INSERT INTO holdings SELECT class, event, holder, count(*) FROM events GROUP BY class, event, holder;

CREATE INDEX holdings_by_size ON holdings (class, held);

CREATE TRIGGER event_appended AFTER INSERT ON events BEGIN
    INSERT INTO holdings VALUES (new.class, new.event, new.holder, 1)
        ON CONFLICT (class, event, holder) DO UPDATE SET held = held + 1;
END;

CREATE TRIGGER event_deleted AFTER DELETE ON events BEGIN
    UPDATE holdings SET held = held - 1 WHERE class = old.class AND event = old.event AND holder = old.holder;
    DELETE FROM holdings WHERE class = old.class AND event = old.event AND holder = old.holder AND held <= 0;
END;
