//! The counts of what waits, as tables with bars, live: for the page of the team and for the wall.
//!
//! Promise: each event of a stream has all counts, so nothing is kept and a lost stream misses
//! nothing. A stream ends with the server, with its session, and when its proof is refused. Must
//! not: show the name of a person or a caller, because a wall shows it too.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::time::Duration;

use aftercall_client::{BoardEvent, Wallboards};
use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::alert::v1::{GetWallboardRequest, Wallboard, WallboardCounts, WallboardRow};
use askama::Template;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event as Sent, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::Stream;
use futures::stream::unfold;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::assets;
use crate::people::Person;
use crate::shown::{iso, priority_word};
use crate::words::Words;

/// A page is not kept waiting for its counts for longer.
const ANSWER: Duration = Duration::from_secs(2);

/// People read no faster.
const UPDATES_PER_SECOND: u32 = 1;

/// How often a stream looks whether its session has ended. That also keeps a session that is only
/// used by a stream from ending unused.
const CHECK_EVERY: Duration = Duration::from_secs(20);

/// Reverse proxies send each event on at once.
const ACCEL: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Rows of a table on a wall, which nobody scrolls: those with the most overdue ones.
const WALL_LINES: usize = 9;

/// The length of a bar, in the units of its picture.
const BAR: u64 = 100;

/// A row of a table.
struct Line {
    name: String,
    /// The address of the board with these follow-ups; empty for none.
    address: String,
    counts: WallboardCounts,
    /// Lengths of the parts of the bar: on time, and overdue.
    bar: (u64, u64),
}

/// A table with a bar in each row.
struct Table<'a> {
    title: &'a str,
    lines: Vec<Line>,
    /// Rows that a wall has no room for.
    more: usize,
}

/// The counts.
#[derive(Template)]
#[template(path = "wallboard.html")]
struct Counts<'a> {
    words: &'a Words,
    total: WallboardCounts,
    tables: Vec<Table<'a>>,
}

/// The counts as HTML. A wall has no links, and room for fewer rows.
pub(crate) fn counts(words: &Words, board: &Wallboard, has_links: bool) -> String {
    let table = |title, rows: &[WallboardRow], named: &dyn Fn(&WallboardRow) -> [String; 2]| {
        let most = rows.iter().map(|row| row.counts().open).max().unwrap_or(0);
        let line = |row: &WallboardRow| {
            let [name, address] = named(row);
            let counts = row.counts();
            Line {
                name,
                address: if has_links { address } else { String::new() },
                counts,
                bar: bar(&counts, most),
            }
        };
        let mut lines: Vec<Line> = rows.iter().map(line).collect();
        let mut more = 0;
        if !has_links && lines.len() > WALL_LINES {
            lines.sort_by_key(|line| Reverse((line.counts.overdue, line.counts.open)));
            more = lines.len() - WALL_LINES;
            lines.truncate(WALL_LINES);
        }
        Table { title, lines, more }
    };
    let by = |name: &str, text: &str| {
        let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        format!("/?{name}={text}")
    };
    let team = |row: &WallboardRow| [row.team.clone(), by("team", &row.team)];
    let workflow = |row: &WallboardRow| [row.workflow.clone(), by("workflow", &row.workflow)];
    let stage = |row: &WallboardRow| {
        let stage = row.stage.clone().unwrap_or_default();
        let name = format!("{} · {} · {}", row.workflow, stage.number, stage.title);
        [name, by("workflow", &row.workflow)]
    };
    let priority = |row: &WallboardRow| {
        let word = priority_word(words, row.priority()).to_owned();
        [word, by("priority", &row.priority.to_string())]
    };
    let mut tables = vec![
        table(&words.wallboard.teams, &board.teams, &team),
        table(&words.wallboard.workflows, &board.workflows, &workflow),
        table(&words.wallboard.stages, &board.stages, &stage),
    ];
    if has_links {
        let priorities = &board.priorities;
        tables.push(table(&words.wallboard.priorities, priorities, &priority));
    }
    let shown = Counts {
        words,
        total: board.total.unwrap_or_default(),
        tables,
    };
    shown.render().unwrap_or_default()
}

/// The counts of now, for a page that is not live yet; `None` where they cannot be read.
pub(crate) async fn now(person: &Person) -> Option<Wallboard> {
    let connected = person
        .alerter
        .connect_with(|endpoint| endpoint.timeout(ANSWER));
    let mut client = AlertServiceClient::new(connected.await.ok()?);
    let answer = client.get_wallboard(GetWallboardRequest {}).await.ok()?;
    answer.into_inner().wallboard
}

trait Counted {
    fn counts(&self) -> WallboardCounts;
}

impl Counted for WallboardRow {
    fn counts(&self) -> WallboardCounts {
        self.counts.unwrap_or_default()
    }
}

/// The parts of a bar, of which the longest has the whole length.
fn bar(counts: &WallboardCounts, most: u64) -> (u64, u64) {
    let part = |count: u64| count * BAR / most.max(1);
    let overdue = part(counts.overdue);
    (part(counts.open).saturating_sub(overdue), overdue)
}

/// What a stream of counts needs.
pub(crate) struct Following<K> {
    boards: Wallboards,
    words: &'static Words,
    has_links: bool,
    stop: CancellationToken,
    /// Whether the session has ended.
    has_ended: K,
    check_at: Instant,
    is_over: bool,
}

/// The stream of counts of a person or a display, which ends when `has_ended` returns true.
pub(crate) fn stream<K>(
    person: &Person,
    words: &'static Words,
    has_links: bool,
    stop: CancellationToken,
    has_ended: K,
) -> Response
where
    K: Fn() -> bool + Send + 'static,
{
    let following = Following {
        boards: Wallboards::over(person.alerter.clone(), UPDATES_PER_SECOND),
        words,
        has_links,
        stop,
        has_ended,
        check_at: Instant::now() + CHECK_EVERY,
        is_over: false,
    };
    let mut response = Sse::new(sent(following)).into_response();
    response
        .headers_mut()
        .insert(ACCEL, HeaderValue::from_static("no"));
    response
}

fn sent<K>(following: Following<K>) -> impl Stream<Item = Result<Sent, Infallible>>
where
    K: Fn() -> bool + Send + 'static,
{
    unfold(following, async |mut following| {
        if following.is_over {
            return None;
        }
        let sent = following.next().await?;
        Some((Ok(sent), following))
    })
}

impl<K: Fn() -> bool> Following<K> {
    /// The next event; `None` when the server stops.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            let event = tokio::select! {
                () = self.stop.cancelled() => return None,
                () = sleep_until(self.check_at) => {
                    self.check_at = Instant::now() + CHECK_EVERY;
                    if (self.has_ended)() {
                        return Some(self.refused());
                    }
                    continue;
                }
                event = self.boards.next() => event,
            };
            match event {
                Ok(BoardEvent::Board(board)) => return Some(self.board(&board)),
                Ok(BoardEvent::Lost { .. }) => return Some(line(&json!({ "live": false }))),
                Ok(BoardEvent::Connected) => {}
                Err(error) => {
                    // The browser asks again, and learns then whether it must sign in.
                    tracing::info!(%error, "a stream of counts ends");
                    return Some(self.refused());
                }
            }
        }
    }

    fn refused(&mut self) -> Sent {
        self.is_over = true;
        Sent::default().event("refused").data("{}")
    }

    fn board(&self, board: &Wallboard) -> Sent {
        let data = json!({
            "html": counts(self.words, board, self.has_links),
            "live": board.connected,
            "as_of": iso(&board.as_of),
            "version": assets::version(),
        });
        Sent::default().event("board").data(data.to_string())
    }
}

fn line(data: &Value) -> Sent {
    Sent::default().event("line").data(data.to_string())
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::Stage;
    use axum::http::HeaderMap;

    use super::*;
    use crate::words::words;

    fn row(open: u64, overdue: u64) -> WallboardRow {
        let counts = WallboardCounts {
            open,
            overdue,
            ..WallboardCounts::default()
        };
        WallboardRow {
            counts: Some(counts),
            ..WallboardRow::default()
        }
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let bars = [(20, 5), (10, 10), (0, 0)];
        let bars = bars.map(|(open, overdue)| bar(&row(open, overdue).counts(), 20));
        assert_eq!(bars, [(75, 25), (0, 50), (0, 0)]);
        assert_eq!(bar(&row(0, 0).counts(), 0), (0, 0));
    }

    #[test]
    fn hostile_names_are_texts_and_a_wall_has_no_links() {
        let text = "<script>alert(1)</script>";
        let stage = Stage {
            number: 2,
            title: text.to_owned(),
            ..Stage::default()
        };
        let team = WallboardRow {
            team: text.to_owned(),
            ..row(1, 0)
        };
        let stage = WallboardRow {
            stage: Some(stage),
            workflow: text.to_owned(),
            ..row(1, 1)
        };
        let board = Wallboard {
            teams: vec![team],
            stages: vec![stage],
            ..Wallboard::default()
        };
        let words = words(&HeaderMap::new());
        let wall = counts(words, &board, false);
        assert!(
            !wall.contains("<script>") && !wall.contains("<a "),
            "{wall}"
        );
        assert_eq!(wall.matches("&#60;script&#62;").count(), 3, "{wall}");
        let of_team = counts(words, &board, true);
        assert!(of_team.contains("href=\"/?team=%3Cscript%3E"), "{of_team}");
    }
}
