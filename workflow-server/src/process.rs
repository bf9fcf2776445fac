//! What this process uses of the machine, as the operating system counts it. Zero where it
//! cannot be read.

use std::time::Duration;

/// What is used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time since the process started, user and system.
    pub cpu_time: Duration,
    /// Memory resident, in bytes.
    pub resident_bytes: u64,
}

/// Looks it up.
#[must_use]
pub(crate) fn usage() -> Usage {
    let resident_bytes = resident_bytes().unwrap_or(0);
    Usage {
        cpu_time: cpu_time().unwrap_or_default(),
        resident_bytes,
    }
}

fn cpu_time() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(
        u64::try_from(now.tv_sec).ok()?,
        u32::try_from(now.tv_nsec).ok()?,
    ))
}

/// `/proc/self/statm` counts pages.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
