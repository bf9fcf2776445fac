CREATE SCHEMA aftercall;

CREATE TABLE aftercall.identity (
    one smallint PRIMARY KEY CHECK (one = 1),
    schema_version integer NOT NULL,
    is_complete boolean NOT NULL,
    content text NOT NULL
);

CREATE TABLE aftercall.leadership (
    term bigint PRIMARY KEY,
    mark bigint NOT NULL,
    holder text NOT NULL,
    address text NOT NULL,
    began_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
INSERT INTO aftercall.leadership VALUES (0, 0, '', '', 'epoch', 'epoch');

CREATE TABLE aftercall.log (
    first bigint PRIMARY KEY,
    last bigint NOT NULL,
    term bigint NOT NULL,
    chain bigint NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE aftercall.log ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE aftercall.log_base (
    one smallint PRIMARY KEY CHECK (one = 1),
    sequence bigint NOT NULL,
    chain bigint NOT NULL
);
INSERT INTO aftercall.log_base VALUES (1, 0, 0);

CREATE TABLE aftercall.blob (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    term bigint NOT NULL,
    is_finished boolean NOT NULL
);
CREATE UNIQUE INDEX blob_name ON aftercall.blob (name) WHERE is_finished;

CREATE TABLE aftercall.blob_frame (
    blob bigint NOT NULL REFERENCES aftercall.blob ON DELETE CASCADE,
    at bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (blob, at)
);
ALTER TABLE aftercall.blob_frame ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE aftercall.key (
    name text PRIMARY KEY,
    term bigint NOT NULL,
    number bigint NOT NULL,
    body bytea NOT NULL
);

CREATE UNLOGGED TABLE aftercall.member (
    name text PRIMARY KEY,
    address text NOT NULL,
    sequence bigint NOT NULL,
    version text NOT NULL,
    reported_at timestamptz NOT NULL
);

CREATE TABLE aftercall.barrier (
    one smallint PRIMARY KEY CHECK (one = 1),
    passed bigint NOT NULL
);
INSERT INTO aftercall.barrier VALUES (1, 0);
