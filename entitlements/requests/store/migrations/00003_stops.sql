-- Agents and users that an administrator has stopped, for all servers that share the state. A row is never deleted: a server that
-- knows an entry of which there is no row takes it for lost by a restore, and puts it back. On SQLite the table stays empty.
CREATE TABLE deputy_state.stops (
    id        TEXT   NOT NULL PRIMARY KEY, -- random
    body      TEXT   NOT NULL,
    lifted    BIGINT NOT NULL DEFAULT 0, -- when the party was let in again; 0: it is stopped
    lifted_by TEXT   NOT NULL DEFAULT ''
);
