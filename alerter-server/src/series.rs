//! The series of the alerter-server in `/metrics`.

use aftercall_serving::series::{Kind, Series};

/// Why a stream was given a new snapshot: the names of the API's `ResetReason`.
const RESETS: &[&str] = &[
    "TOO_OLD",
    "OTHER_HISTORY",
    "OTHER_FILTER",
    "FROM_THE_FUTURE",
    "ALERTER_RESTARTED",
];

/// All of them.
pub(crate) const SERIES: &[Series] = &[
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_subscribers",
        "Streams of alerts that are open.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_alerter_deliveries_total",
        "Changes sent to streams.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_alerter_resets_total",
        "Streams that began again with a snapshot, by reason.",
    )
    .by("reason", RESETS),
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_ring_entries",
        "Changes kept for streams that fall behind or come back.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_ring_bytes",
        "Bytes of the changes kept.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_head_sequence",
        "Sequence of the newest change known.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_lag_entries",
        "Entries that the workflow-server has and this server does not know.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_upstream_connected",
        "1 while the workflow-server can be reached.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_alerter_upstream_losses_total",
        "Times that the workflow-server was lost.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_alerter_as_of_timestamp_seconds",
        "When the workflow-server last sent a message, in seconds since 1970; 0 before the first.",
    ),
];
