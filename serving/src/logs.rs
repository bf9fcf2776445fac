//! Logs go to standard error: text for people, or JSON, one object a line, for machines. A line
//! that is written for an RPC names it.
//!
//! Promise: lines above debug level have no data of callers. A log that has lines of debug level
//! says so first.

use std::fmt;
use std::io::IsTerminal as _;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing::Event;
use tracing::dispatcher::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::log_context::LogContext;

/// The form of the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging; does nothing if the process logs already. `filter` is in the form of
/// `RUST_LOG`, such as `info` or `info,workflow_server=debug`;
/// [`log_filter_error`](crate::settings::log_filter_error) checks it.
pub fn init(format: LogFormat, filter: &str) {
    // A process that did not check the filter still logs.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let has_debug = filter
        .max_level_hint()
        .is_none_or(|level| level >= LevelFilter::DEBUG);
    let logs = logs(format, filter, colour, std::io::stderr);
    // The only error is that the process logs already: both servers in one process, or tests.
    if logs.try_init().is_ok() && has_debug {
        tracing::warn!(
            "this log has lines of debug level: they may hold names, telephone numbers and texts of callers, so keep it as you keep their calls"
        );
    }
}

/// Logs in this form.
pub(crate) fn logs<W>(format: LogFormat, filter: EnvFilter, colour: bool, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(colour);
    match format {
        LogFormat::Text => logs.map_event_format(NamesRpc).into(),
        LogFormat::Json => logs.json().map_event_format(NamesRpc).into(),
    }
}

/// Lines that name the RPC for which they are written. Its span exists only while a line of it is
/// written: most requests write none. The logs must be those of the process: while a line is
/// written, the library makes no spans for logs of a scope.
struct NamesRpc<F>(F);

impl<N, F> FormatEvent<Registry, N> for NamesRpc<F>
where
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<Registry, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, Registry, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = LogContext::current().span();
        span.in_scope(|| self.0.format_event(context, writer, event))
    }
}
