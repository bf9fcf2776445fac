//! The wallboard as lines: the total, then the groups; on a screen with a clock above them.
//!
//! Promise: the clock and the total are on every screen, however small. Must not: read a clock of
//! its own.

use aftercall_client::BoardEvent;
use aftercall_proto::alert::v1::{Wallboard as Board, WallboardRow};
use console::truncate_str;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::output::{Output, ScreenSize, one_line, one_line_each};
use crate::subscription::lost;
use crate::table::{Table, draw, name, whole};
use crate::{time, wording};

/// The table of the wallboard.
pub(super) const ROWS: Table<'_> = Table {
    columns: &[
        name("what", 0),
        whole("open", 0),
        whole("overdue", 1),
        whole("unclaimed", 3),
        whole("oldest", 2),
    ],
    empty: "",
};

/// What is known of the wallboard, and since when.
#[derive(Debug, Default)]
pub(super) struct Watched {
    newest: Option<(Board, Instant)>,
    loss: Option<String>,
}

impl Watched {
    /// Takes what came.
    pub(super) fn take(&mut self, event: BoardEvent, at: Instant) {
        match event {
            BoardEvent::Board(board) => {
                self.newest = Some((*board, at));
                self.loss = None;
            }
            BoardEvent::Lost { reason, wait } => self.loss = Some(lost(&reason, wait)),
            BoardEvent::Connected => self.loss = None,
        }
    }

    /// The lines of a screen of a size.
    pub(super) fn lines(&self, output: Output, size: ScreenSize) -> Vec<String> {
        let loss = || {
            self.loss
                .as_ref()
                .map(|loss| output.urgent(&one_line(loss)))
        };
        let Some((board, at)) = &self.newest else {
            return loss().into_iter().collect();
        };
        // The clock and the ages are by the server that counted, and not by this machine.
        let counted = counted_at(board);
        let counted = counted.checked_add(at.elapsed()).unwrap_or(counted);
        let clock = output.strong(&time::local(Some(&time::proto(counted))));
        let state = loss().or_else(|| state(board).map(|state| output.urgent(&one_line(&state))));
        let mut lines = vec![
            [clock]
                .into_iter()
                .chain(state)
                .collect::<Vec<_>>()
                .join("  "),
            String::new(),
        ];
        lines.extend(
            draw(
                ROWS.columns,
                &one_line_each(rows(output, board, counted)),
                size.columns,
            )
            .lines,
        );
        if let Some(high) = size.lines.filter(|&high| lines.len() > high) {
            // The clock, a blank line, the header and the total come first.
            let kept = high.saturating_sub(1).max(4);
            let more = lines.len() - kept;
            lines.truncate(kept);
            lines.push(output.faint(&format!("… {more} more")));
            lines.truncate(high.max(4));
        }
        let columns = size.columns.unwrap_or(usize::MAX);
        lines
            .iter()
            .map(|line| truncate_str(line, columns, "…").into_owned())
            .collect()
    }
}

/// The server's time when the numbers were counted.
pub(super) fn counted_at(board: &Board) -> Timestamp {
    time::moment(board.counted_at.as_ref()).unwrap_or_default()
}

/// What is wrong with the numbers; none where they are of now.
pub(super) fn state(board: &Board) -> Option<String> {
    let since = time::local(board.as_of.as_ref());
    (!board.connected)
        .then(|| format!("The alerter has lost the workflow-server; counted as of {since}."))
}

/// The total, then each group.
pub(super) fn rows(output: Output, board: &Board, now: Timestamp) -> Vec<Vec<String>> {
    let all = WallboardRow {
        counts: board.total,
        ..WallboardRow::default()
    };
    let row = |name: String, row: &WallboardRow| cells(output, name, row, now);
    let stage = |row: &WallboardRow| {
        format!(
            "{}, stage {}",
            row.workflow,
            wording::stage(row.stage.as_ref())
        )
    };
    let priority = |row: &WallboardRow| match wording::priority(row.priority()) {
        "" => "without an alert".to_owned(),
        word => format!("priority {word}"),
    };
    let mut rows = vec![row("all".to_owned(), &all)];
    rows.extend(
        board
            .workflows
            .iter()
            .map(|one| row(one.workflow.clone(), one)),
    );
    rows.extend(board.stages.iter().map(|one| row(stage(one), one)));
    rows.extend(
        board
            .teams
            .iter()
            .map(|one| row(format!("team {}", one.team), one)),
    );
    rows.extend(board.priorities.iter().map(|one| row(priority(one), one)));
    rows
}

fn cells(output: Output, name: String, row: &WallboardRow, now: Timestamp) -> Vec<String> {
    let counts = row.counts.unwrap_or_default();
    let age = time::moment(counts.oldest_started_at.as_ref()).map(|started| {
        time::span(u64::try_from(now.duration_since(started).as_secs()).unwrap_or_default())
    });
    let [open, overdue, unclaimed] =
        [counts.open, counts.overdue, counts.unclaimed].map(|count| count.to_string());
    let overdue = if counts.overdue > 0 {
        output.urgent(&overdue)
    } else {
        overdue
    };
    vec![name, open, overdue, unclaimed, age.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::WallboardCounts;

    use super::*;
    use crate::output::Form;

    fn board(teams: u64) -> Board {
        let counts = |open| {
            let oldest_started_at = Some(prost_types::Timestamp {
                seconds: 1_000,
                nanos: 0,
            });
            Some(WallboardCounts {
                open,
                overdue: 1,
                unclaimed: open,
                oldest_started_at,
            })
        };
        let row = |number| WallboardRow {
            team: format!("t{number}"),
            counts: counts(1),
            ..WallboardRow::default()
        };
        let counted_at = Some(prost_types::Timestamp {
            seconds: 1_060,
            nanos: 0,
        });
        let teams = (0..teams).map(row).collect();
        Board {
            total: counts(9),
            teams,
            counted_at,
            connected: true,
            ..Board::default()
        }
    }

    fn watched(board: Board) -> Watched {
        let mut watched = Watched::default();
        watched.take(BoardEvent::Board(Box::new(board)), Instant::now());
        watched
    }

    fn lines(watched: &Watched, columns: usize, lines: usize) -> Vec<String> {
        let size = ScreenSize {
            columns: Some(columns),
            lines: Some(lines),
        };
        watched.lines(Output::new(Form::Json), size)
    }

    #[test]
    fn every_screen_has_the_clock_and_the_total() {
        let watched = watched(board(40));
        for high in 4..50 {
            let lines = lines(&watched, 80, high);
            assert!(lines.len() <= high, "{high}: {lines:?}");
            assert!(
                lines[0].starts_with("1970-01-01") || lines[0].starts_with("1969-12-31"),
                "{lines:?}"
            );
            assert!(
                lines[2].starts_with("WHAT") && lines[3].starts_with("all "),
                "{lines:?}"
            );
        }
        assert_eq!(
            lines(&watched, 80, 10).last().map(String::as_str),
            Some("… 35 more")
        );
        assert_eq!(lines(&watched, 80, 44).len(), 44);
    }

    #[tokio::test(start_paused = true)]
    async fn ages_move_between_two_answers() {
        let watched = watched(board(0));
        assert!(
            lines(&watched, 80, 24)[3].ends_with("1 min"),
            "{:?}",
            lines(&watched, 80, 24)
        );
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        assert!(
            lines(&watched, 80, 24)[3].ends_with("2 min 1 s"),
            "{:?}",
            lines(&watched, 80, 24)
        );
    }

    #[test]
    fn a_lost_connection_is_shown_beside_the_clock() {
        let mut watched = watched(board(0));
        let reason = "draining".to_owned();
        watched.take(
            BoardEvent::Lost {
                reason,
                wait: std::time::Duration::ZERO,
            },
            Instant::now(),
        );
        assert!(lines(&watched, 120, 24)[0].contains("Connection lost (draining)"));
        watched.take(BoardEvent::Connected, Instant::now());
        assert!(!lines(&watched, 120, 24)[0].contains("lost"));
    }
}
