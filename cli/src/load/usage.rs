//! What a process uses of the machine, as Linux reports it; unknown on other systems.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// CPU time, user and system, to a hundredth of a second.
    pub(crate) cpu_time: Duration,
    /// Memory resident, in bytes.
    pub(crate) resident_bytes: u64,
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// Looks it up.
pub(crate) fn usage(process_id: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    parse(
        &stat,
        rustix::param::clock_ticks_per_second(),
        rustix::param::page_size() as u64,
    )
}

/// The fields after the name, which is in brackets and may hold anything: 12 and 13 are ticks of
/// CPU, 22 is pages.
fn parse(stat: &str, ticks_per_second: u64, page_bytes: u64) -> Option<Usage> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)?;
    let cpu_time = Duration::from_millis(ticks * 1_000 / ticks_per_second.max(1));
    Some(Usage {
        cpu_time,
        resident_bytes: number(21)? * page_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 9 0 99 1000000 300 1844";
        let usage = parse(stat, 100, 4_096).unwrap();
        assert_eq!(
            (usage.cpu_time, usage.resident_bytes),
            (Duration::from_secs(2), 300 * 4_096)
        );
        assert!(parse("42", 100, 4_096).is_none());
    }

    #[test]
    fn this_process_is_known() {
        assert!(usage(std::process::id()).is_none_or(|usage| usage.resident_bytes > 0));
    }
}
