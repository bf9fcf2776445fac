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
    /// Those that run now: a process has no sum.
    threads: Option<HashMap<String, Thread>>,
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

/// What a thread has spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Thread {
    switches: Switches,
    /// In nanoseconds; that of a process is in hundredths of a second.
    cpu_time: Duration,
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
            threads: threads_of(process_id),
            calls: io.and_then(|io| calls_of(&io)),
            machine,
        }
    }

    /// What was spent since an earlier look. `client_cpu` is what the client used of the machine.
    pub(crate) fn since(&self, before: &Self, client_cpu: Duration) -> Spent {
        let threads = self.threads.as_ref().zip(before.threads.as_ref());
        let threads = threads.map(|(now, then)| spent_by_threads(now, then));
        let cpu_time = self.cpu_time.zip(before.cpu_time);
        let cpu_time = cpu_time.map(|(now, then)| {
            // The sum of the threads is finer, and lacks those that ended meanwhile.
            let by_threads = threads.unwrap_or_default().cpu_time;
            now.saturating_sub(then).max(by_threads)
        });
        let calls = self.calls.zip(before.calls).map(|(now, then)| Calls {
            reads: now.reads.saturating_sub(then.reads),
            writes: now.writes.saturating_sub(then.writes),
        });
        let machine = self.machine.zip(before.machine);
        let ours = cpu_time.map(|server| server + client_cpu);
        Spent {
            cpu_time,
            switches: threads.map(|threads| threads.switches),
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

fn threads_of(process_id: u32) -> Option<HashMap<String, Thread>> {
    let threads = fs::read_dir(format!("/proc/{process_id}/task")).ok()?;
    let of_thread = |entry: fs::DirEntry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let schedule = fs::read_to_string(entry.path().join("schedstat"));
        let thread = Thread {
            switches: parse_switches(&status)?,
            cpu_time: parse_cpu_time(&schedule.unwrap_or_default()),
        };
        Some((entry.file_name().into_string().ok()?, thread))
    };
    Some(threads.flatten().filter_map(of_thread).collect())
}

fn parse_switches(status: &str) -> Option<Switches> {
    Some(Switches {
        voluntary: line(status, "voluntary_ctxt_switches:")?,
        involuntary: line(status, "nonvoluntary_ctxt_switches:")?,
    })
}

/// The first number; zero where the system does not keep it.
fn parse_cpu_time(schedule: &str) -> Duration {
    let nanos = schedule.split_whitespace().next();
    Duration::from_nanos(nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
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

fn spent_by_threads(now: &HashMap<String, Thread>, before: &HashMap<String, Thread>) -> Thread {
    let mut all = Thread::default();
    for (name, now) in now {
        let before = before.get(name).copied().unwrap_or_default();
        let since = |now: u64, before: u64| now.saturating_sub(before);
        all.switches.voluntary += since(now.switches.voluntary, before.switches.voluntary);
        all.switches.involuntary += since(now.switches.involuntary, before.switches.involuntary);
        all.cpu_time += now.cpu_time.saturating_sub(before.cpu_time);
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
        let thread = |voluntary, involuntary, nanos| Thread {
            switches: Switches {
                voluntary,
                involuntary,
            },
            cpu_time: parse_cpu_time(&format!("{nanos} 7 8")),
        };
        let before = [("1", thread(5, 1, 100)), ("2", thread(9, 9, 900))];
        let now = [("1", thread(7, 4, 150)), ("3", thread(1, 0, 30))];
        let [before, now] = [before, now].map(|threads| {
            let named = threads.map(|(name, thread)| (name.to_owned(), thread));
            HashMap::from(named)
        });
        assert_eq!(spent_by_threads(&now, &before), thread(3, 3, 80));
        assert_eq!(parse_cpu_time(""), Duration::ZERO);
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
