-- What was pushed last to each source. Names are compared by their bytes ("C"), on every machine alike.
CREATE TABLE pushed_documents (
    -- By which nodes hear of it.
    id       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- The source's name.
    source   text   COLLATE "C" PRIMARY KEY,
    -- How many there were: of two that were pushed at once on two nodes, the one with the higher number is the last on all.
    version  bigint NOT NULL,
    -- When it was pushed, in milliseconds since the Unix epoch.
    at       bigint NOT NULL,
    -- JSON.
    document bytea  NOT NULL
);

CREATE FUNCTION note_pushed_documents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (source, row_id) SELECT TG_TABLE_NAME, after.id::text FROM after;
    RETURN NULL;
END $$;

CREATE TRIGGER pushed_documents_inserted AFTER INSERT ON pushed_documents REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_pushed_documents();
CREATE TRIGGER pushed_documents_updated AFTER UPDATE ON pushed_documents REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_pushed_documents();
