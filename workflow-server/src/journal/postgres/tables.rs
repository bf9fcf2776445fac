//! The tables for SQL in the database: one row for each follow-up, and one for each step between
//! stages.

use std::sync::{Arc, LazyLock};

use futures::future::{BoxFuture, FutureExt};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::link::Lane;
use super::shared::Shared;
use crate::journal::{JournalError, TableRows, Tables, Term};

/// The columns of `follow_up`, in their order.
const COLUMNS: &str = "instance_id, sequence, revision, workflow, workflow_title, workflow_version, \
    status, stage, stage_title, last_stage, visible, priority, teams, due_at, deadline_at, started_at, \
    stage_entered_at, ended_at, outcome, held_by, held_until, paused_by, notes, chases, attempts, \
    call_source, call_id, call_created_at, call_ended_at, customer, script, agent, chargeable, \
    personal_caller_name, personal_caller_phone, personal_caller_email, personal_caller_reference, \
    personal_alert_text, personal_reason, personal_fields";

/// The tables. A column that begins with `personal_` may hold data of the caller.
pub(super) const CREATE: &str = "
CREATE TABLE aftercall.follow_up (
    instance_id text PRIMARY KEY,
    sequence bigint NOT NULL,
    revision bigint NOT NULL,
    workflow text NOT NULL,
    workflow_title text NOT NULL,
    workflow_version integer NOT NULL,
    status text NOT NULL,
    stage integer,
    stage_title text,
    last_stage integer NOT NULL,
    visible boolean NOT NULL,
    priority text,
    teams text[] NOT NULL,
    due_at timestamptz,
    deadline_at timestamptz,
    started_at timestamptz NOT NULL,
    stage_entered_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text,
    held_by text,
    held_until timestamptz,
    paused_by text,
    notes integer NOT NULL,
    chases integer NOT NULL,
    attempts integer NOT NULL,
    call_source text NOT NULL,
    call_id text NOT NULL,
    call_created_at timestamptz,
    call_ended_at timestamptz,
    customer text NOT NULL,
    script text NOT NULL,
    agent text NOT NULL,
    chargeable boolean NOT NULL,
    personal_caller_name text,
    personal_caller_phone text,
    personal_caller_email text,
    personal_caller_reference text,
    personal_alert_text text,
    personal_reason text,
    personal_fields jsonb
);
CREATE INDEX follow_up_ended ON aftercall.follow_up (workflow, ended_at);
CREATE INDEX follow_up_call ON aftercall.follow_up (call_source, call_id);

CREATE TABLE aftercall.stage_change (
    sequence bigint NOT NULL,
    step integer NOT NULL,
    at timestamptz NOT NULL,
    instance_id text NOT NULL,
    workflow text NOT NULL,
    workflow_version integer NOT NULL,
    customer text NOT NULL,
    kind text NOT NULL,
    actor_kind text NOT NULL,
    actor text,
    event text,
    from_stage integer,
    from_stage_title text,
    to_stage integer,
    to_stage_title text,
    status text NOT NULL,
    outcome text,
    PRIMARY KEY (sequence, instance_id, step)
);
CREATE INDEX stage_change_instance ON aftercall.stage_change (instance_id, sequence);
CREATE INDEX stage_change_at ON aftercall.stage_change (at);

CREATE TABLE aftercall.reading (
    one smallint PRIMARY KEY CHECK (one = 1),
    version integer NOT NULL,
    upto bigint NOT NULL
);
INSERT INTO aftercall.reading VALUES (1, 1, 0);

COMMENT ON TABLE aftercall.follow_up IS 'One row for each follow-up, as of its newest change. Read only: the leading server writes it, seconds behind.';
COMMENT ON TABLE aftercall.stage_change IS 'One row for each step of a follow-up to a stage or to its end. Read only: the leading server writes it, seconds behind.';
COMMENT ON TABLE aftercall.reading IS 'The version of the columns of follow_up and stage_change, and the newest sequence that they show.';
COMMENT ON COLUMN aftercall.follow_up.personal_caller_name IS 'Personal data. An erasure clears it.';
COMMENT ON COLUMN aftercall.follow_up.personal_caller_phone IS 'Personal data. An erasure clears it.';
COMMENT ON COLUMN aftercall.follow_up.personal_caller_email IS 'Personal data. An erasure clears it.';
COMMENT ON COLUMN aftercall.follow_up.personal_caller_reference IS 'Personal data. An erasure clears it.';
COMMENT ON COLUMN aftercall.follow_up.personal_alert_text IS 'Personal data. An erasure clears it.';
COMMENT ON COLUMN aftercall.follow_up.personal_reason IS 'Personal data. An erasure clears it.';
COMMENT ON COLUMN aftercall.follow_up.personal_fields IS 'Personal data. An erasure clears it.';
";

/// Empties the tables. The leader fills them again.
pub(super) const CLEAR: &str = "
TRUNCATE aftercall.follow_up, aftercall.stage_change;
UPDATE aftercall.reading SET upto = 0;
";

const UPTO: &str = "SELECT upto FROM aftercall.reading";

/// Writes rows where the tables end at the sequence before them.
static WRITE: LazyLock<String> = LazyLock::new(|| {
    let newer: Vec<String> = COLUMNS
        .split(", ")
        .map(|column| format!("excluded.{column}"))
        .collect();
    let newer = newer.join(", ");
    format!(
        "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), moved AS (
    UPDATE aftercall.reading SET upto = $4 FROM fence WHERE reading.upto = $3
    RETURNING reading.upto
), steps AS (
    INSERT INTO aftercall.stage_change
    SELECT step.* FROM moved, json_populate_recordset(NULL::aftercall.stage_change, $6::text::json) AS step
    ON CONFLICT DO NOTHING
), changed AS (
    INSERT INTO aftercall.follow_up AS old ({COLUMNS})
    SELECT {COLUMNS} FROM moved, json_populate_recordset(NULL::aftercall.follow_up, $5::text::json)
    ON CONFLICT (instance_id) DO UPDATE SET ({COLUMNS}) = ROW({newer})
        WHERE old.sequence <= excluded.sequence
)
SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM moved)"
    )
});

/// Clears personal data.
const ERASE: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), cleared AS (
    UPDATE aftercall.follow_up
    SET personal_caller_name = NULL, personal_caller_phone = NULL, personal_caller_email = NULL,
        personal_caller_reference = NULL, personal_alert_text = NULL, personal_reason = NULL,
        personal_fields = NULL
    FROM fence WHERE instance_id = ANY($3)
)
SELECT count(*), 1::bigint FROM fence";

/// Removes follow-ups with their steps.
const REMOVE: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), removed AS (
    DELETE FROM aftercall.follow_up USING fence
    WHERE workflow = $3 AND ended_at < timestamptz 'epoch' + $4::bigint * interval '1 millisecond'
    RETURNING instance_id
), steps AS (
    DELETE FROM aftercall.stage_change USING removed
    WHERE stage_change.instance_id = removed.instance_id
)
SELECT count(*), 1::bigint FROM fence";

/// The tables whose dead rows may have what was cleared or removed.
const VACUUMED: [&str; 2] = ["follow_up", "stage_change"];

pub(super) struct PostgresTables {
    pub(super) shared: Arc<Shared>,
    pub(super) term: Term,
}

impl PostgresTables {
    /// The term as the database stores it.
    fn stored_term(&self) -> i64 {
        i64::try_from(self.term.0).unwrap_or(i64::MAX)
    }

    /// Returns whether the statement has moved the tables. Its row has the number of leaders with
    /// this term, and of moved tables.
    async fn has_moved(&self, rows: Result<Vec<Row>, Failure>) -> Result<bool, JournalError> {
        let rows = rows.map_err(Failure::of_write)?;
        let row = rows.first();
        let row = row.ok_or_else(|| self.shared.missing("the row of an answer"))?;
        if self.shared.number(row, 0)? == 0
            && let Some(deposed) = self.shared.deposed(self.term, Lane::Write).await?
        {
            return Err(deposed);
        }
        let moved: i64 = i64::try_from(self.shared.number(row, 1)?).unwrap_or(i64::MAX);
        Ok(moved > 0)
    }

    async fn write_rows(&self, rows: TableRows) -> Result<bool, JournalError> {
        let (after, upto) = (stored(rows.after), stored(rows.upto));
        let term = self.stored_term();
        let values: [&(dyn ToSql + Sync); 6] = [
            &term,
            &self.shared.mark,
            &after,
            &upto,
            &rows.follow_ups,
            &rows.stage_changes,
        ];
        let link = &self.shared.link;
        let written = link.rows(Lane::Write, WRITE.as_str(), &values).await;
        self.has_moved(written).await
    }
}

fn stored(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

impl Tables for PostgresTables {
    fn upto(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        async move {
            let rows = self.shared.read(Lane::Write, UPTO, &[]).await?;
            let row = rows.first();
            let row = row.ok_or_else(|| self.shared.missing("the row of reading"))?;
            self.shared.number(row, 0)
        }
        .boxed()
    }

    fn write(&self, rows: TableRows) -> BoxFuture<'_, Result<bool, JournalError>> {
        self.write_rows(rows).boxed()
    }

    fn erase(&self, instances: Vec<String>) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            let term = self.stored_term();
            let values: [&(dyn ToSql + Sync); 3] = [&term, &self.shared.mark, &instances];
            let erased = self.shared.link.rows(Lane::Write, ERASE, &values).await;
            self.has_moved(erased).await?;
            self.shared.vacuum(&VACUUMED).await
        }
        .boxed()
    }

    fn remove_ended(
        &self,
        workflow: String,
        before_millis: i64,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            let term = self.stored_term();
            let values: [&(dyn ToSql + Sync); 4] =
                [&term, &self.shared.mark, &workflow, &before_millis];
            let removed = self.shared.link.rows(Lane::Write, REMOVE, &values).await;
            self.has_moved(removed).await?;
            self.shared.vacuum(&VACUUMED).await
        }
        .boxed()
    }
}
