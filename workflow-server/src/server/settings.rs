//! The settings of the parts of the server, from its configuration.

use std::sync::Arc;
use std::time::Duration;

use aftercall_definition::time::{Span, SpanUnit};
use aftercall_engine::phone::Country;
use aftercall_engine::world::Keeping;
use aftercall_serving::{Limits, unread_bytes_refused};
use jiff::tz::TimeZone;

use crate::config::WorkflowServerConfig;
use crate::ledger::LedgerOptions;
use crate::reading::Reading;
use crate::service::DeskSettings;

pub(super) fn ledger_options(config: &WorkflowServerConfig) -> LedgerOptions {
    // A push can be taken back only while its instance is in memory.
    let archive_after_seconds = config.archive_after_seconds.max(config.undo_seconds);
    LedgerOptions {
        commands_waiting_max: config.commands_waiting_max as usize,
        clock_ahead_max: Duration::from_secs(u64::from(config.clock_ahead_minutes) * 60),
        keeping: Keeping {
            request_ids_millis: i64::from(config.request_ids_keep_hours) * 3_600_000,
            ..Keeping::default()
        },
        snapshot_every_entries: config.snapshot_every_entries,
        journal_kept_entries: config.journal_kept_entries,
        archive_after_millis: i64::from(archive_after_seconds) * 1_000,
        retention: Some(Span {
            amount: config.retention_days,
            unit: SpanUnit::Days,
        }),
        // `check` has refused an unknown name.
        default_zone: TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC),
    }
}

pub(super) fn limits(config: &WorkflowServerConfig) -> Limits {
    Limits {
        drain: Duration::from_secs(config.drain_seconds),
        allowed_hosts: config.allowed_hosts.clone(),
        web_origins: config.web_origins.clone(),
        ..config.limits.limits()
    }
}

/// Starts the threads for reads.
pub(super) fn reading(config: &WorkflowServerConfig) -> std::io::Result<Arc<Reading>> {
    let unread_bytes_max = unread_bytes_refused(config.limits.unread_bytes_max);
    Reading::start(unread_bytes_max).map(Arc::new)
}

pub(super) fn desk(config: &WorkflowServerConfig) -> DeskSettings {
    DeskSettings {
        country: Country::named(&config.country).unwrap_or_default(),
        undo: Duration::from_secs(u64::from(config.undo_seconds)),
    }
}
