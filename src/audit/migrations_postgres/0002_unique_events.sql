-- A row is there once, though its writer has sent it twice, as after an answer that was lost. Rows of before may be there twice.
DELETE FROM audit_events AS again USING audit_events AS first
    WHERE again.at = first.at AND again.writer = first.writer AND again.sequence = first.sequence AND again.sequence <> 0
        AND again.id > first.id;

CREATE UNIQUE INDEX audit_events_once ON audit_events (writer, sequence, at) WHERE sequence <> 0;
