-- The pieces of work that one node does for all. Their times are the database's, which is the one clock that all nodes can see. A row stays when nobody holds it, so that its number grows for ever.
CREATE TABLE leases (
    name       text        COLLATE "C" PRIMARY KEY,
    holder     uuid        NOT NULL,
    -- Another whenever the lease begins anew: what a holder of before still writes is refused by it.
    number     bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
