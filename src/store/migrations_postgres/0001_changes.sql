-- The changes of rows that nodes hold on to, in their caches and for their live connections. Triggers write them in the transaction
-- that changes the row, so that no change is without its news. A node reads those that its last snapshot did not show; they are
-- kept for minutes.
CREATE TABLE changes (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The transaction: numbers do not become visible in their order, and a snapshot tells which it shows.
    transaction xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The table and the id of the row.
    source      text        COLLATE "C" NOT NULL,
    row_id      text        COLLATE "C" NOT NULL,
    -- Why the row has ended; NULL where it has changed.
    end_reason  text        COLLATE "C"
);

CREATE INDEX changes_by_transaction ON changes (transaction);
CREATE INDEX changes_by_time ON changes (at);

-- For tables of sessions and API tokens: of an UPDATE, whose rows are `before` and `after`. When a credential was last used or
-- confirmed is no news: that happens all the time, and nobody waits for it.
CREATE FUNCTION note_credential_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (source, row_id, end_reason)
        SELECT TG_TABLE_NAME, after.id::text, after.end_reason FROM before JOIN after USING (id)
        WHERE after.end_reason IS DISTINCT FROM before.end_reason
            OR after.token_hash <> before.token_hash
            OR after.upkeep <> before.upkeep
            OR after.person::text <> before.person::text
        ORDER BY id;
    RETURN NULL;
END $$;
