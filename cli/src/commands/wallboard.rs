//! `aftercall wallboard`: what Call Managers see, in numbers.
//!
//! Promise: the numbers are the alerter's; where it has lost the workflow-server, that is told above them. Must not: count
//! by itself.

use aftercall_proto::alert::v1::{
    GetWallboardRequest, Wallboard as Board, WallboardRow, WatchWallboardRequest, WatchWallboardResponse,
};
use clap::Args;
use jiff::Timestamp;

use crate::{
    errors::Failure,
    json,
    output::Output,
    session::Session,
    table::{Table, name, whole},
    time, wording,
};

const ROWS: Table<'_> = Table {
    columns: &[name("what", 0), whole("open", 0), whole("overdue", 1), whole("unclaimed", 3), whole("oldest", 2)],
    empty: "",
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall wallboard
  aftercall --output json wallboard --watch --updates 5")]
pub(crate) struct Wallboard {
    /// Show it again whenever a number changes
    #[arg(long)]
    watch: bool,
    /// With --watch: at most so many updates a second
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    updates: u32,
}

impl Wallboard {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.alerts().await?;
        if !self.watch {
            let answer = client.get_wallboard(GetWallboardRequest {}).await?.into_inner();
            return show(session.output, &answer.wallboard.unwrap_or_default());
        }
        let request = WatchWallboardRequest { updates_per_second: self.updates };
        let mut boards = client.watch_wallboard(request).await?.into_inner();
        let watching = async {
            while let Some(WatchWallboardResponse { wallboard }) = boards.message().await? {
                show(session.output, &wallboard.unwrap_or_default())?;
            }
            Ok(())
        };
        tokio::select! {
            watched = watching => watched,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }
}

fn show(output: Output, board: &Board) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&json::value(board)?);
    }
    if !board.connected {
        let since = time::local(board.as_of.as_ref());
        output.line(&output.urgent(&format!("The alerter has lost the workflow-server; counted as of {since}.")))?;
    }
    let now = Timestamp::now();
    let all = WallboardRow { counts: board.total, ..WallboardRow::default() };
    let rows = |name: fn(&WallboardRow) -> String, rows: &[WallboardRow]| -> Vec<Vec<String>> {
        rows.iter().map(|row| line(name(row), row, now)).collect()
    };
    let stage = |row: &WallboardRow| format!("{}, stage {}", row.workflow, wording::stage(row.stage.as_ref()));
    let team = |row: &WallboardRow| format!("team {}", row.team);
    let priority = |row: &WallboardRow| match wording::priority(row.priority()) {
        "" => "without an alert".to_owned(),
        word => format!("priority {word}"),
    };
    let table = [
        rows(|_| "all".to_owned(), &[all]),
        rows(|row| row.workflow.clone(), &board.workflows),
        rows(stage, &board.stages),
        rows(team, &board.teams),
        rows(priority, &board.priorities),
    ];
    output.table(&ROWS, table.concat())
}

fn line(name: String, row: &WallboardRow, now: Timestamp) -> Vec<String> {
    let counts = row.counts.unwrap_or_default();
    let age = time::moment(counts.oldest_started_at.as_ref())
        .map(|started| time::span(u64::try_from(now.duration_since(started).as_secs()).unwrap_or_default()));
    let [open, overdue, unclaimed] = [counts.open, counts.overdue, counts.unclaimed].map(|count| count.to_string());
    vec![name, open, overdue, unclaimed, age.unwrap_or_default()]
}
