//! `aftercall wallboard`: what Call Managers see, in numbers.
//!
//! Promise: the numbers are the alerter's; where it has lost the workflow-server, that is shown
//! above them. Must not: count.

mod view;

use std::sync::Mutex;
use std::time::Duration;

use aftercall_client::{BoardEvent, Wallboards};
use aftercall_proto::alert::v1::{GetWallboardRequest, Wallboard as Board, WallboardRow};
use aftercall_proto::workflow::v1::WorkflowStage;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};
use view::Watched;

use crate::commands::{names, stages};
use crate::errors::Failure;
use crate::output::{Output, remark};
use crate::screen::Screen;
use crate::session::Session;
use crate::subscription::{self, CONNECTED, lost};

/// How often the screen is drawn again: its clock and the ages move.
const TICK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall wallboard
  aftercall wallboard --watch --team billing
  aftercall --output json wallboard --watch --updates 5")]
pub(crate) struct Wallboard {
    /// Keep it on the screen, with a clock; reconnects automatically
    #[arg(long, short = 'w')]
    watch: bool,
    /// With --watch: how many updates a second at most
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    updates: u32,
    #[command(flatten)]
    rows: Rows,
}

/// Which rows, beside the total; without any, all.
#[derive(Debug, Default, Args)]
pub(crate) struct Rows {
    /// Only the row of this team; may be repeated
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Only the rows of this workflow and its stages; may be repeated
    #[arg(long = "workflow", value_name = "WORKFLOW")]
    workflows: Vec<String>,
    /// Only the rows of the stages with this title or number; may be repeated
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<String>,
}

/// The rows that are shown.
#[derive(Debug, Default)]
struct Shown {
    rows: Rows,
    stages: Vec<WorkflowStage>,
}

impl Shown {
    /// Leaves out the rows that are not wanted. The total stays that of all.
    fn keep(&self, mut board: Board) -> Board {
        let Rows {
            teams,
            workflows,
            stages,
        } = &self.rows;
        if teams.is_empty() && workflows.is_empty() && stages.is_empty() {
            return board;
        }
        let is_meant = |row: &WallboardRow| {
            let number = row.stage.as_ref().map_or(0, |stage| stage.number);
            self.stages
                .iter()
                .any(|one| one.workflow == row.workflow && one.stage == number)
        };
        board
            .workflows
            .retain(|row| workflows.contains(&row.workflow));
        board.stages.retain(|row| {
            if stages.is_empty() {
                workflows.contains(&row.workflow)
            } else {
                is_meant(row)
            }
        });
        board.teams.retain(|row| teams.contains(&row.team));
        board.priorities.clear();
        board
    }
}

impl Wallboard {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let output = session.output;
        names::check_of_stream(session, &self.rows.teams, &self.rows.workflows).await?;
        let stages =
            stages::find_for_stream(session, &self.rows.workflows, &self.rows.stages).await?;
        let shown = Shown {
            rows: self.rows,
            stages,
        };
        if !self.watch {
            let answer = session
                .to
                .alerts()
                .await?
                .get_wallboard(GetWallboardRequest {})
                .await?
                .into_inner();
            let board = shown.keep(answer.wallboard.unwrap_or_default());
            return show(output, &board);
        }
        let refused = |error| subscription::failure(&error, session);
        let boards = Wallboards::over(session.to.to_alerter()?, self.updates);
        let mut terminated = signal(SignalKind::terminate())?;
        let watching = async {
            match output.screen() {
                Some(_) => on_screen(output, boards, &shown).await,
                None => line_by_line(output, boards, &shown).await,
            }
        };
        tokio::select! {
            watched = watching => watched.map_err(|error| match error {
                Ended::Refused(error) => refused(error),
                Ended::Printing(failure) => failure,
            }),
            _ = tokio::signal::ctrl_c() => Ok(()),
            _ = terminated.recv() => Ok(()),
        }
    }
}

/// Why watching ended.
enum Ended {
    Refused(aftercall_client::Error),
    Printing(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Printing(failure)
    }
}

/// One board below the other, for files and programs.
async fn line_by_line(output: Output, mut boards: Wallboards, rows: &Shown) -> Result<(), Ended> {
    loop {
        match boards.next().await.map_err(Ended::Refused)? {
            BoardEvent::Board(board) => show(output, &rows.keep(*board))?,
            BoardEvent::Lost { reason, wait } => remark(&lost(&reason, wait)),
            BoardEvent::Connected => remark(CONNECTED),
        }
    }
}

/// Over and over in the same place, as large as the terminal is.
async fn on_screen(output: Output, mut boards: Wallboards, rows: &Shown) -> Result<(), Ended> {
    // Before the screen is taken: that no server is there is said on the terminal that stays.
    let first = boards.next().await.map_err(Ended::Refused)?;
    let watched = Mutex::new(Watched::default());
    let screen = Mutex::new(Screen::enter().map_err(Failure::from)?);
    let take = |event: BoardEvent| {
        let event = match event {
            BoardEvent::Board(board) => BoardEvent::Board(Box::new(rows.keep(*board))),
            other => other,
        };
        locked(&watched).take(event, Instant::now());
    };
    let draw = || -> Result<(), Failure> {
        let Some(size) = output.screen() else {
            return Ok(());
        };
        let lines = locked(&watched).lines(output, size);
        Ok(locked(&screen).draw(&lines)?)
    };
    take(first);
    let following = async {
        loop {
            draw()?;
            take(boards.next().await.map_err(Ended::Refused)?);
        }
    };
    let ticking = async {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            draw()?;
        }
    };
    tokio::select! {
        ended = following => ended,
        ended = ticking => ended,
    }
}

/// Both loops run on one task, so that the lock is always free.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn show(output: Output, board: &Board) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&output.value(board)?);
    }
    if let Some(state) = view::state(board) {
        output.line(&output.urgent(&state))?;
    }
    output.table(
        &view::ROWS,
        view::rows(output, board, view::counted_at(board)),
    )
}
