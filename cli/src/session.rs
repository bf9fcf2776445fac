//! What every command is run with.
//!
//! Promise: what counts from now counts from the server's now, which is read at most once for each
//! command. Must not: use this machine's wall clock for anything that a server decides by.

use std::time::{Duration, Instant};

use aftercall_proto::workflow::v1::GetServerInfoRequest;
use jiff::Timestamp;
use prost_types::{FieldMask, Timestamp as ProtoTime};
use tokio::sync::OnceCell;

use crate::connect::{self, Connections};
use crate::contexts::Context;
use crate::errors::Failure;
use crate::output::{Output, remark};
use crate::time;

/// What every command that shows or counts time adds while the server holds its clock: its times
/// may be far from those of the wall.
const HELD: &str = "The server's clock is held: its timers wait, and these are its times. `aftercall server info` says why.";

/// Which servers the command line names. A default or a variable names none: it does not say that
/// a server is to be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// `--server` was given.
    pub(crate) server: bool,
    /// `--alerter` was given.
    pub(crate) alerter: bool,
}

impl Named {
    /// Both were given.
    pub(crate) const BOTH: Self = Self {
        server: true,
        alerter: true,
    };
}

/// What every command has: the way to the servers, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Session {
    /// The way to the servers.
    pub(crate) to: Connections,
    /// Where the answer goes.
    pub(crate) output: Output,
    /// Which servers the command line names.
    pub(crate) named: Named,
    /// The servers and files that the command line names. Variables are not in it.
    pub(crate) flags: Context,
    /// The context that the command line or a variable chooses; `None` for the current one.
    pub(crate) context: Option<String>,
    clock: OnceCell<ServerClock>,
}

impl Session {
    /// A session with servers that have not been asked anything yet.
    pub(crate) fn new(to: Connections, output: Output, named: Named) -> Self {
        Self {
            to,
            output,
            named,
            flags: Context::default(),
            context: None,
            clock: OnceCell::new(),
        }
    }

    /// The same session, with what the command line names, and its context.
    pub(crate) fn with_flags(self, flags: Context, context: Option<String>) -> Self {
        Self {
            flags,
            context,
            ..self
        }
    }

    /// The read mask of a list whose table shows these fields of its follow-ups. JSON shows all.
    pub(crate) fn read_mask(&self, fields: &[&str]) -> Option<FieldMask> {
        (!self.output.is_json()).then(|| connect::read_mask(fields))
    }

    /// The workflow-server's time now. A command that changes something reads it before the change,
    /// so that a change that was made is never reported as a failure.
    pub(crate) async fn now(&self) -> Result<Timestamp, Failure> {
        Ok(self.clock().await?.now())
    }

    /// The workflow-server's clock.
    pub(crate) async fn clock(&self) -> Result<ServerClock, Failure> {
        let read = || async {
            let answer = self
                .to
                .operations()
                .await?
                .get_server_info(GetServerInfoRequest {})
                .await?
                .into_inner();
            if answer.clock_held {
                remark(HELD);
            }
            let read = ServerClock::read(answer.server_time.as_ref());
            read.ok_or_else(|| {
                Failure::refused(
                    "The server did not report its time: it is older than this command line.",
                )
            })
        };
        self.clock.get_or_try_init(read).await.copied()
    }
}

/// A server's clock: its time when it was read, continued by this machine's monotonic clock, which
/// nobody sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    time: Timestamp,
    read_at: Instant,
}

impl ServerClock {
    /// The clock that shows this now; none where an answer has no time.
    pub(crate) fn read(time: Option<&ProtoTime>) -> Option<Self> {
        Some(Self {
            time: time::moment(time)?,
            read_at: Instant::now(),
        })
    }

    /// What it shows now.
    pub(crate) fn now(self) -> Timestamp {
        self.after(self.read_at.elapsed())
    }

    fn after(self, elapsed: Duration) -> Timestamp {
        self.time.checked_add(elapsed).unwrap_or(self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_clock_ignores_the_local_clock() {
        // In 1970: no clock of this machine shows that.
        let clock = ServerClock::read(Some(&ProtoTime {
            seconds: 1_000,
            nanos: 0,
        }))
        .unwrap();
        assert_eq!(clock.after(Duration::from_secs(61)).as_second(), 1_061);
        assert!((1_000..2_000).contains(&clock.now().as_second()));
        assert!(ServerClock::read(None).is_none());
    }
}
