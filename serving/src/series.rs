//! What each series of `/metrics` means. Each is there from the start with 0: a series that appears
//! with its first event hides that event from a rate.

use crate::metrics_handle;
use crate::refusal::REASONS;
use crate::tls::HANDSHAKE_REASONS;

/// The kind of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts durations in buckets of seconds.
    Histogram,
}

/// A series, or one for each value of a label.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Its kind.
    pub kind: Kind,
    /// Its name, with its unit.
    pub name: &'static str,
    /// What it counts, in a sentence.
    pub help: &'static str,
    /// A label and its values; none for a single series. Values that only the running server knows are
    /// not listed: their series begin with them.
    pub label: Option<(&'static str, &'static [&'static str])>,
}

impl Series {
    /// A single series.
    #[must_use]
    pub const fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self {
            kind,
            name,
            help,
            label: None,
        }
    }

    /// A series for each value of a label.
    #[must_use]
    pub const fn by(self, label: &'static str, values: &'static [&'static str]) -> Self {
        Self {
            label: Some((label, values)),
            ..self
        }
    }
}

/// The series of both servers.
const SHARED: [Series; 15] = [
    Series::new(
        Kind::Gauge,
        "aftercall_connections",
        "Connections that are open.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_connections_refused_total",
        "Connections closed at once, because all places were taken.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_connections_closed_total",
        "Connections closed by the server, by reason.",
    )
    .by(
        "reason",
        &[
            "age",
            "control_frames",
            "excess",
            "greeting",
            "resets",
            "silent",
            "stalled",
            "untrusted",
        ],
    ),
    Series::new(
        Kind::Counter,
        "aftercall_streams_ended_total",
        "Streams that the server reset, by reason.",
    )
    .by("reason", &["stalled"]),
    Series::new(
        Kind::Counter,
        "aftercall_reset_pauses_total",
        "Pauses in reading a connection that resets too many requests.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_accept_shortages_total",
        "Times that a connection could not be accepted, for lack of descriptors.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_tls_handshakes_failed_total",
        "TLS handshakes that failed, by reason.",
    )
    .by("reason", HANDSHAKE_REASONS),
    Series::new(
        Kind::Counter,
        "aftercall_tls_certificate_errors_total",
        "Times that changed certificate files could not be used; they are read every few seconds.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_tls_certificate_expires_seconds",
        "When the certificate of the server expires, in seconds since 1970; 0 without TLS.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_access_file_errors_total",
        "Times that a file with tokens or access rules could not be used; they are read every few seconds.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_requests_refused_total",
        "Requests refused before a service was asked, by reason.",
    )
    .by("reason", REASONS),
    Series::new(
        Kind::Counter,
        "aftercall_audit_lines_total",
        "Lines of the audit log, by kind.",
    )
    .by("kind", &["action", "refusal"]),
    Series::new(
        Kind::Counter,
        "aftercall_audit_lines_lost_total",
        "Lines of the audit log that are lost, by reason.",
    )
    .by("reason", &["not_written", "queue_full"]),
    Series::new(
        Kind::Counter,
        "aftercall_audit_write_errors_total",
        "Times that the audit log could not be written; its lines wait and are tried again.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_issuer_key_fetches_total",
        "Fetches of the keys of token issuers, by result.",
    )
    .by("result", &["failed", "ok"]),
];

/// Describes the series of a server and those that both have, and starts each of them at 0.
pub fn describe(of_server: &[Series]) {
    metrics_handle();
    for series in SHARED.iter().chain(of_server) {
        match series.kind {
            Kind::Counter => metrics::describe_counter!(series.name, series.help),
            Kind::Gauge => metrics::describe_gauge!(series.name, series.help),
            Kind::Histogram => metrics::describe_histogram!(series.name, series.help),
        }
        match series.label {
            None => start(series, &[]),
            Some((label, values)) => values
                .iter()
                .for_each(|value| start(series, &[(label, *value)])),
        }
    }
}

fn start(series: &Series, labels: &[(&'static str, &'static str)]) {
    let name = series.name;
    match series.kind {
        Kind::Counter => metrics::counter!(name, labels).increment(0),
        Kind::Gauge => metrics::gauge!(name, labels).increment(0.0),
        Kind::Histogram => drop(metrics::histogram!(name, labels)),
    }
}
