//! The series of the workflow-server in `/metrics`.

use aftercall_serving::series::{Kind, Series};

use crate::ledger::{Condition, Urgency};

const CONDITIONS: [&str; Condition::ALL.len()] = {
    let mut names = [""; Condition::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Condition::ALL[at].name();
        at += 1;
    }
    names
};

/// All of them.
pub(crate) const SERIES: &[Series] = &[
    Series::new(
        Kind::Counter,
        "aftercall_entries_total",
        "Entries written to the journal.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_groups_total",
        "Groups of entries written to the journal, each with one sync.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_commands_shed_total",
        "Changes refused because too many waited, by urgency: new work is refused first.",
    )
    .by("urgency", &Urgency::NAMES),
    Series::new(
        Kind::Histogram,
        "aftercall_timer_lateness_seconds",
        "How late timers were handled.",
    ),
    Series::new(
        Kind::Histogram,
        "aftercall_snapshot_seconds",
        "How long a snapshot took: writing it, and trimming the journal behind it.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_timers_refused_total",
        "Timers whose entry was refused; each is tried again.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_job_steps_refused_total",
        "Steps of batches and erasures that were refused; each is tried again.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_archived_calls_total",
        "Calls that left memory for the archive.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_purged_instances_total",
        "Ended instances removed after their retention.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_purge_waiting_instances",
        "Ended instances that wait to be removed.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_feed_requests_total",
        "Requests of alerters to the change feed, by call.",
    )
    .by("call", &["snapshot", "tail"]),
    Series::new(
        Kind::Counter,
        "aftercall_backups_total",
        "Backups sent whole.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_newest_backup_time_seconds",
        "When the newest backup was sent, in seconds since 1970; 0 for none since the start.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_clock_held",
        "1 while the wall clock is not believed: timers wait, and nothing is removed.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_leader",
        "1 while this member leads its cluster; 0 of a follower, and of a server without a cluster.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_term",
        "The newest term of the cluster that this member knows; 0 without a cluster.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_leader_since_seconds",
        "When that term began, in seconds since 1970 by the clock of the store; 0 without a cluster.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_members",
        "Members of the cluster that have reported in the last minute; 0 without a cluster.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_member_leads",
        "1 of the member that leads, as this one knows it; 0 of the others, and of one that has left.",
    )
    .by("member", &[]),
    Series::new(
        Kind::Gauge,
        "aftercall_member_lag_entries",
        "Entries that a member lacks of those that any has published; 0 of one that has left.",
    )
    .by("member", &[]),
    Series::new(
        Kind::Gauge,
        "aftercall_follower_lag_entries",
        "Entries that another member has published and this one has not yet.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_takeovers_total",
        "Terms in which this member has led its cluster.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_forwarded_requests_total",
        "Requests that this member has passed on to the leader, by outcome.",
    )
    .by("outcome", &["answered", "failed"]),
    Series::new(
        Kind::Gauge,
        "aftercall_tables_entries_behind",
        "Entries that the tables for SQL do not show yet; only of a leader on a database.",
    ),
    Series::new(
        Kind::Counter,
        "aftercall_tables_failures_total",
        "Writes of the tables for SQL that failed and are tried again.",
    ),
    Series::new(
        Kind::Gauge,
        "aftercall_condition",
        "1 while a condition keeps the server from a part of its work, by condition.",
    )
    .by("condition", &CONDITIONS),
];
