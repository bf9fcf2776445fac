-- A workflow system as somebody would build it by hand in PostgreSQL: one function call is one transaction.
--
-- What is there: instances, tasks with an index for the work list, a history, and request ids that make a repeated call safe.
-- What is absent, in PostgreSQL's favour: definitions, conditions, texts, timers, escalation, a feed (no NOTIFY), an archive,
-- foreign keys, and a whole follow-up in the answer.

CREATE TABLE instance (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow text NOT NULL,
    version integer NOT NULL,
    call_source text NOT NULL,
    call_id text NOT NULL,
    customer text NOT NULL,
    caller_name text NOT NULL,
    caller_phone text NOT NULL,
    chargeable boolean NOT NULL,
    fields jsonb NOT NULL,
    stage integer NOT NULL,
    visit integer NOT NULL,
    revision bigint NOT NULL,
    started_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL
);

-- What waits for a person.
CREATE TABLE task (
    instance_id bigint PRIMARY KEY,
    visit integer NOT NULL,
    team text NOT NULL,
    priority smallint NOT NULL,
    due timestamptz NOT NULL,
    text text NOT NULL
);
CREATE INDEX work_list ON task (team, priority, due, instance_id);

CREATE TABLE history (
    instance_id bigint NOT NULL,
    revision bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    what text NOT NULL,
    fields jsonb,
    PRIMARY KEY (instance_id, revision)
);

CREATE TABLE request (
    id text PRIMARY KEY,
    instance_id bigint NOT NULL,
    at timestamptz NOT NULL
);

-- Starts an instance that then waits for a person. A repeated request id returns the first answer.
CREATE FUNCTION start_instance(request_id text, on_call text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint := nextval(pg_get_serial_sequence('instance', 'id'));
    known bigint;
    values_given jsonb := '{"amount": 120, "order": "B-20417"}';
BEGIN
    INSERT INTO request VALUES (request_id, new_id, now()) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT instance_id INTO known FROM request WHERE id = request_id;
        RETURN known;
    END IF;
    INSERT INTO instance OVERRIDING SYSTEM VALUE VALUES (
        new_id, 'refund', 1, 'load', on_call, 'Bright Catalogue', 'Ann Archer', '01632 960001', true,
        values_given, 1, 1, 1, now(), now() + interval '5 days');
    INSERT INTO task VALUES (
        new_id, 1, 'billing', 2, now() + interval '4 hours',
        'Refund 120 for Ann Archer, order B-20417: no reason given');
    INSERT INTO history VALUES (new_id, 1, now(), 'load', 'set', values_given);
    RETURN new_id;
END $$;

-- Completes the step that waits: the next one waits for another team.
CREATE FUNCTION complete_task(request_id text, of_instance bigint, at_visit integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    known bigint;
    new_revision bigint;
BEGIN
    INSERT INTO request VALUES (request_id, of_instance, now()) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT instance_id INTO known FROM request WHERE id = request_id;
        RETURN known;
    END IF;
    DELETE FROM task WHERE instance_id = of_instance AND visit = at_visit;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'instance % does not wait at visit %', of_instance, at_visit;
    END IF;
    UPDATE instance SET stage = 2, visit = visit + 1, revision = revision + 1
        WHERE id = of_instance RETURNING revision INTO new_revision;
    INSERT INTO task VALUES (
        of_instance, at_visit + 1, 'payments', 2, now() + interval '1 day',
        'Pay out 120 to Ann Archer (no reference)');
    INSERT INTO history VALUES (of_instance, new_revision, now(), 'load', 'pay-out', NULL);
    RETURN of_instance;
END $$;
