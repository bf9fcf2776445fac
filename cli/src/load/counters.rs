//! What a server spends on the requests of a measurement: CPU time, thread switches, and calls that
//! read and write, as Linux counts them.
//!
//! Must not: take a figure that the system does not give for zero.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::load::usage::usage;

/// What a process has spent since it began, and the machine.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    cpu_time: Option<Duration>,
    /// By thread: a process has no sum.
    switches: Option<HashMap<String, Switches>>,
    calls: Option<Calls>,
    machine: Option<Machine>,
}

/// How often a thread stopped running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// It waited for something.
    pub(crate) voluntary: u64,
    /// Another thread was to run.
    pub(crate) involuntary: u64,
}

/// System calls that read or write files, and sockets by `read`, `write` and `writev`. The system
/// does not count others, such as `recv`, `send`, `futex` and `epoll_wait`, for a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

/// CPU time of all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Machine {
    busy: Duration,
    all: Duration,
}

/// What was spent between two looks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) cpu_time: Option<Duration>,
    /// Threads that ended meanwhile are left out.
    pub(crate) switches: Option<Switches>,
    pub(crate) calls: Option<Calls>,
    /// The share of the machine's CPU time that other processes used, from 0 to 1.
    pub(crate) outside: Option<f64>,
}

impl Counters {
    /// Looks at a process; without one, at the machine only.
    pub(crate) fn read(process_id: Option<u32>) -> Self {
        let machine = fs::read_to_string("/proc/stat").ok();
        let machine = machine.and_then(|stat| machine_of(&stat, ticks_per_second()));
        let Some(process_id) = process_id else {
            return Self {
                machine,
                ..Self::default()
            };
        };
        let io = fs::read_to_string(format!("/proc/{process_id}/io")).ok();
        Self {
            cpu_time: usage(process_id).map(|usage| usage.cpu_time),
            switches: switches_of(process_id),
            calls: io.and_then(|io| calls_of(&io)),
            machine,
        }
    }

    /// What was spent since an earlier look. `client_cpu` is what the client used of the machine.
    pub(crate) fn since(&self, before: &Self, client_cpu: Duration) -> Spent {
        let cpu_time = self.cpu_time.zip(before.cpu_time);
        let cpu_time = cpu_time.map(|(now, then)| now.saturating_sub(then));
        let switches = self.switches.as_ref().zip(before.switches.as_ref());
        let calls = self.calls.zip(before.calls).map(|(now, then)| Calls {
            reads: now.reads.saturating_sub(then.reads),
            writes: now.writes.saturating_sub(then.writes),
        });
        let machine = self.machine.zip(before.machine);
        let ours = cpu_time.map(|server| server + client_cpu);
        Spent {
            cpu_time,
            switches: switches.map(|(now, then)| switches_since(now, then)),
            calls,
            outside: machine
                .zip(ours)
                .and_then(|((now, then), ours)| outside(now, then, ours)),
        }
    }
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

fn switches_of(process_id: u32) -> Option<HashMap<String, Switches>> {
    let threads = fs::read_dir(format!("/proc/{process_id}/task")).ok()?;
    let of_thread = |entry: fs::DirEntry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let name = entry.file_name().into_string().ok()?;
        Some((name, parse_switches(&status)?))
    };
    Some(threads.flatten().filter_map(of_thread).collect())
}

fn parse_switches(status: &str) -> Option<Switches> {
    Some(Switches {
        voluntary: line(status, "voluntary_ctxt_switches:")?,
        involuntary: line(status, "nonvoluntary_ctxt_switches:")?,
    })
}

fn calls_of(io: &str) -> Option<Calls> {
    Some(Calls {
        reads: line(io, "syscr:")?,
        writes: line(io, "syscw:")?,
    })
}

/// The number of the line that begins so.
fn line(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().parse().ok()
}

fn switches_since(now: &HashMap<String, Switches>, before: &HashMap<String, Switches>) -> Switches {
    let mut all = Switches::default();
    for (thread, now) in now {
        let before = before.get(thread).copied().unwrap_or_default();
        all.voluntary += now.voluntary.saturating_sub(before.voluntary);
        all.involuntary += now.involuntary.saturating_sub(before.involuntary);
    }
    all
}

/// The first line: user, nice, system, idle, waiting for disks, interrupts (two), stolen, in ticks.
fn machine_of(stat: &str, ticks_per_second: u64) -> Option<Machine> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = fields
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .take(8)
        .collect();
    let idle = fields.get(3)? + fields.get(4)?;
    let all: u64 = fields.iter().sum();
    let time = |ticks: u64| Duration::from_millis(ticks * 1_000 / ticks_per_second);
    Some(Machine {
        busy: time(all - idle),
        all: time(all),
    })
}

fn outside(now: Machine, before: Machine, ours: Duration) -> Option<f64> {
    let all = now.all.saturating_sub(before.all);
    let busy = now.busy.saturating_sub(before.busy);
    let others = busy.saturating_sub(ours);
    (!all.is_zero()).then(|| others.as_secs_f64() / all.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_ended_is_left_out() {
        let switches = |voluntary, involuntary| Switches {
            voluntary,
            involuntary,
        };
        let before = [("1", switches(5, 1)), ("2", switches(9, 9))];
        let now = [("1", switches(7, 4)), ("3", switches(1, 0))];
        let [before, now] = [before, now].map(|threads| {
            let named = threads.map(|(name, switches)| (name.to_owned(), switches));
            HashMap::from(named)
        });
        assert_eq!(switches_since(&now, &before), switches(3, 3));
    }

    #[test]
    fn the_lines_of_the_system_are_read() {
        let status = "Name:\ta\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        let switches = parse_switches(status).unwrap();
        assert_eq!((switches.voluntary, switches.involuntary), (12, 3));
        let calls = calls_of("rchar: 1\nsyscr: 8\nsyscw: 9\n").unwrap();
        assert_eq!((calls.reads, calls.writes), (8, 9));
        assert!(parse_switches("Name: a").is_none() && calls_of("rchar: 1").is_none());
    }

    #[test]
    fn what_others_use_is_the_rest_of_the_machine() {
        let before = machine_of("cpu  100 0 0 900 0 0 0 0 0 0\n", 100).unwrap();
        let now = machine_of("cpu  200 0 50 950 0 0 0 0 0 0\n", 100).unwrap();
        let outside = outside(now, before, Duration::from_secs(1)).unwrap();
        assert!((outside - 0.25).abs() < 1e-9, "{outside}");
        assert!(super::outside(now, now, Duration::ZERO).is_none());
    }

    #[test]
    fn an_unknown_process_has_no_figures() {
        let counters = Counters::read(Some(u32::MAX));
        let spent = counters.since(&Counters::default(), Duration::ZERO);
        assert!(spent.cpu_time.is_none() && spent.switches.is_none() && spent.calls.is_none());
    }
}
