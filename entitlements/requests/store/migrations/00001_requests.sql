-- PostgreSQL and SQLite run this text, SQLite without the schema's name. Times are nanoseconds since 1970; 0 is none. What stands in
-- a column stands in the body too, and a row in which they differ is not believed.
CREATE TABLE deputy_state.requests (
    id           TEXT     NOT NULL PRIMARY KEY,
    asker        TEXT     NOT NULL, -- SHA-256 of Asker.Key
    subject      TEXT     NOT NULL, -- SHA-256 of Subject
    platform     TEXT     NOT NULL,
    table_schema TEXT     NOT NULL,
    table_name   TEXT     NOT NULL,
    status       TEXT     NOT NULL,
    version      BIGINT   NOT NULL,
    created      BIGINT   NOT NULL,
    ends         BIGINT   NOT NULL, -- when what is open lapses or expires; 0: it is not open
    denied       BIGINT   NOT NULL, -- when it was
    announced    SMALLINT NOT NULL DEFAULT 0, -- 1: that it expires soon
    told         SMALLINT NOT NULL DEFAULT 0, -- 1: a sweep has returned that it expired
    body         TEXT     NOT NULL
);

-- One asker has one open request for a subject, whatever else goes wrong.
CREATE UNIQUE INDEX requests_open ON deputy_state.requests (asker, subject) WHERE status IN ('pending', 'approved');
CREATE INDEX requests_in_force ON deputy_state.requests (asker, platform, ends) WHERE status = 'approved';
CREATE INDEX requests_ending ON deputy_state.requests (ends) WHERE ends > 0;
CREATE INDEX requests_untold ON deputy_state.requests (id) WHERE status = 'expired' AND told = 0;
CREATE INDEX requests_denied ON deputy_state.requests (asker, subject, denied) WHERE status = 'denied';
CREATE INDEX requests_by_time ON deputy_state.requests (created, id);
CREATE INDEX requests_by_asker ON deputy_state.requests (asker, created);
CREATE INDEX requests_by_table ON deputy_state.requests (table_schema, table_name, created);
CREATE INDEX requests_by_status ON deputy_state.requests (status, created);

-- The last event's sequence. Every transaction that writes locks this row first: so there is one writer at a time, and events are
-- committed in the order of their sequence, without gaps.
CREATE TABLE deputy_state.counter (
    one      SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1),
    sequence BIGINT   NOT NULL
);
INSERT INTO deputy_state.counter (one, sequence) VALUES (1, 0);

-- What happened to requests, for those who are told. It cannot happen twice to one version of a request.
CREATE TABLE deputy_state.events (
    sequence BIGINT NOT NULL PRIMARY KEY,
    id       TEXT   NOT NULL UNIQUE,
    kind     TEXT   NOT NULL,
    happened BIGINT NOT NULL,
    request  TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    body     TEXT   NOT NULL, -- the request as it was then
    UNIQUE (request, version, kind)
);

-- How far each webhook has come, and which server sends to it now.
CREATE TABLE deputy_state.webhooks (
    name     TEXT   NOT NULL PRIMARY KEY,
    next     BIGINT NOT NULL, -- sequence of the event that it is to have next
    attempts BIGINT NOT NULL DEFAULT 0, -- that failed, of this event
    retry    BIGINT NOT NULL DEFAULT 0, -- not before
    lease    TEXT   NOT NULL DEFAULT '', -- random, of whoever has it
    owner    TEXT   NOT NULL DEFAULT '', -- for people: which server that is
    until    BIGINT NOT NULL DEFAULT 0
);
