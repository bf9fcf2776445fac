//! Each limit on a real server: beyond it its metric grows. The control: the same at a server whose
//! limits are high counts nothing.

use std::time::Duration;

use aftercall_tests::PATIENCE;
use futures::future::ready;
use futures::stream::{StreamExt as _, iter};
use tokio::time::{interval, timeout};

use crate::beyond::{Beyond, INFO};
use crate::server::{Files, Kind, Server};

/// A limit, and what counts that somebody went beyond it.
pub(crate) struct Row {
    /// Its name in the configuration file.
    pub(crate) setting: &'static str,
    /// A low limit.
    value: u32,
    /// The metric, as the documents write it.
    pub(crate) counted_by: &'static str,
    kind: Kind,
    beyond: Beyond,
}

const fn row(
    setting: &'static str,
    value: u32,
    counted_by: &'static str,
    kind: Kind,
    beyond: Beyond,
) -> Row {
    Row {
        setting,
        value,
        counted_by,
        kind,
        beyond,
    }
}

const REFUSED: &str = "`aftercall_connections_refused_total`";
const GREETING: &str = "closed, `greeting`";
const HEADER_BYTES: &str = "refused, `HEADER_BYTES`";
const RATE: &str = "refused, `REQUEST_RATE`";
const TIME: &str = "refused, `REQUEST_TIME`";
const UNFINISHED: &str = "refused, `TOO_MANY_UNFINISHED_BYTES`";
const IMPORT: &str = "/aftercall.workflow.v1.WorkflowDefinitionService/ImportWorkflow";

/// Every limit that is counted, but for [`ELSEWHERE`].
pub(crate) const ROWS: &[Row] = {
    use Beyond as B;
    use Kind::{Open, Plain, Tls, Tokens};
    &[
        row("connections_max", 20, REFUSED, Plain, B::Connections(30)),
        row(
            "connections_per_address_max",
            20,
            REFUSED,
            Open,
            B::ConnectionsOfOneAddress(30),
        ),
        row(
            "handshake_seconds",
            1,
            "`aftercall_tls_handshakes_failed_total`, `slow`",
            Tls,
            B::Begun(&[22, 3, 1, 2, 0]),
        ),
        row("first_request_seconds", 1, GREETING, Plain, B::Begun(b"")),
        row(
            "first_request_seconds",
            1,
            GREETING,
            Plain,
            B::Begun(b"GET /livez HT"),
        ),
        row(
            "requests_in_flight_max",
            1,
            "refused, `TOO_MANY_REQUESTS_IN_FLIGHT`",
            Tokens,
            B::TwoOfAnIdentity,
        ),
        row(
            "requests_per_second_max",
            1,
            RATE,
            Tokens,
            B::ManyOfAProgram,
        ),
        row(
            "person_requests_per_second_max",
            1,
            RATE,
            Tokens,
            B::ManyOfAPerson,
        ),
        row(
            "request_bytes_max",
            1_000,
            "refused, `REQUEST_BYTES`",
            Plain,
            B::LargeRequest,
        ),
        row(
            "import_bytes_max",
            1_000,
            "refused, `REQUEST_BYTES`",
            Plain,
            B::LargeImport,
        ),
        row(
            "header_bytes_max",
            1_000,
            HEADER_BYTES,
            Plain,
            B::LargeHeaders,
        ),
        row("header_bytes_max", 1_000, HEADER_BYTES, Plain, B::LargeHead),
        row(
            "request_read_seconds",
            1,
            "refused, `REQUEST_TOO_SLOW`",
            Plain,
            B::HalfRequest(INFO),
        ),
        row("request_seconds", 1, TIME, Plain, B::HalfRequest(INFO)),
        row(
            "long_request_seconds",
            1,
            TIME,
            Plain,
            B::HalfRequest(IMPORT),
        ),
        row(
            "unfinished_bytes_per_connection_max",
            1,
            UNFINISHED,
            Plain,
            B::TwoHalves,
        ),
        row("unfinished_bytes_max", 1, UNFINISHED, Plain, B::TwoHalves),
        row(
            "unread_bytes_max",
            1,
            "refused, `TOO_MANY_UNREAD_BYTES`",
            Plain,
            B::UnreadAnswers,
        ),
        row(
            "stall_seconds",
            1,
            "closed, `stalled`",
            Plain,
            B::UnreadSmallAnswers,
        ),
        row(
            "keepalive_seconds",
            1,
            "closed, `silent`",
            Plain,
            B::Greeted,
        ),
        row(
            "connection_age_seconds",
            1,
            "closed, `age`",
            Plain,
            B::Greeted,
        ),
        row(
            "control_frames_per_second_max",
            1,
            "closed, `control_frames`",
            Plain,
            B::Pings,
        ),
        row(
            "resets_per_second_max",
            1,
            "`aftercall_reset_pauses_total`",
            Plain,
            B::Resets,
        ),
        row(
            "faulty_resets_max",
            1,
            "closed, `excess`",
            Plain,
            B::FaultyRequests,
        ),
        row(
            "commands_waiting_max",
            1,
            "`aftercall_commands_shed_total` by `urgency`",
            Plain,
            B::Commands,
        ),
    ]
};

/// What this test does not try: a connection is closed for its resets after ten seconds, which the
/// long form of the abuse test shows. The grace begins when the age is counted, and
/// `tests/tests/network/limits.rs` shows how it ends. A stream that stalls alone is in
/// `tests/tests/network/requests.rs`.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("connection_grace_seconds", "closed, `age`"),
    (
        "stall_seconds",
        "`aftercall_streams_ended_total`, `stalled`",
    ),
    ("resets_per_second_max", "closed, `resets`"),
];

/// The name and the label of a metric, of which the documents write a short form.
fn series(counted_by: &str) -> String {
    let parts: Vec<&str> = counted_by.split('`').collect();
    match parts[..] {
        ["refused, ", reason, ""] => {
            format!("aftercall_requests_refused_total{{reason=\"{reason}\"}}")
        }
        ["closed, ", reason, ""] => {
            format!("aftercall_connections_closed_total{{reason=\"{reason}\"}}")
        }
        ["", name, ", ", reason, ""] => format!("{name}{{reason=\"{reason}\"}}"),
        ["", name, " by ", "urgency", ""] => format!("{name}{{urgency=\"new\"}}"),
        ["", name, ""] => name.to_owned(),
        _ => panic!("{counted_by}"),
    }
}

/// Servers that are tried at once.
const AT_ONCE: usize = 4;

/// How often a counter is read.
const READ_EVERY: Duration = Duration::from_millis(50);

/// The counter of a server once it is greater; nothing if it never is.
async fn grown(server: &Server<'_>, series: &str, than: u64) -> Option<u64> {
    let mut pace = interval(READ_EVERY);
    let reading = async {
        loop {
            pace.tick().await;
            // A client of these tests may itself be late.
            let counted = server.counter(series).await;
            if let Some(count) = counted.filter(|count| *count > than) {
                return count;
            }
        }
    };
    timeout(PATIENCE, reading).await.ok()
}

impl Row {
    /// Goes beyond the limit. What is wrong with the counters, if anything is.
    async fn check(&self, files: &Files, control: &Server<'_>) -> Option<String> {
        let series = series(self.counted_by);
        let limit = Some((self.setting, self.value));
        let server = Server::start(files, self.kind, limit).await;
        let before = server.counter(&series).await.unwrap_or(0);
        let _open = tokio::join!(self.beyond.go(control), self.beyond.go(&server));
        let what = format!("{} by {:?}, {series}", self.setting, self.beyond);
        if grown(&server, &series, before).await.is_none() {
            return Some(format!("{what}: it is not counted"));
        }
        let of_control = control.counter(&series).await;
        (of_control != Some(0)).then(|| format!("{what}: {of_control:?} at the control"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_is_counted_beyond_it_only() {
    let files = Files::new();
    let mut controls = Vec::new();
    for kind in Kind::ALL {
        controls.push((kind, Server::start(&files, kind, None).await));
    }
    let checked = ROWS.iter().map(|row| {
        let control = controls.iter().find(|(kind, _)| *kind == row.kind);
        row.check(&files, &control.expect("one of each kind").1)
    });
    let checked = iter(checked).buffer_unordered(AT_ONCE);
    let errors: Vec<String> = checked.filter_map(ready).collect().await;
    assert!(errors.is_empty(), "{errors:#?}");
}
