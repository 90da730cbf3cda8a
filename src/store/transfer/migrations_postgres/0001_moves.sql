-- The moves of a store into this database, or out of it, that are under way. One that is over is gone.
CREATE TABLE store_moves (
    id               uuid    PRIMARY KEY,
    -- The database is incomplete meanwhile, and no server starts on it.
    is_into_database boolean NOT NULL
);
