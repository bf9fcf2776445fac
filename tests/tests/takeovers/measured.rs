//! How long take-overs take, and the limits that find a regression.
//!
//! A limit must not fail because other programs use the machine. So it is for the median of a kind of
//! fault, and it grows by what the run itself has measured: the time that the database was away, and
//! the time that a thread here waited for a processor.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::load::Load;

/// How often the thread that measures the machine wants to run.
const TICK: Duration = Duration::from_millis(10);

/// The machine, as a thread finds it that wants to run regularly.
pub(crate) struct Machine {
    /// How late it was until now, in nanoseconds.
    late: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Machine {
    /// Begins to measure.
    pub(crate) fn begin() -> Self {
        let machine = Self {
            late: Arc::default(),
            is_over: Arc::default(),
        };
        let (late, is_over) = (Arc::clone(&machine.late), Arc::clone(&machine.is_over));
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                thread::park_timeout(TICK);
                let lateness = began.elapsed().saturating_sub(TICK);
                late.fetch_add(lateness.as_nanos() as u64, Ordering::Relaxed);
            }
        });
        machine
    }

    /// How long the thread has waited for a processor since the beginning.
    pub(crate) fn late(&self) -> Duration {
        Duration::from_nanos(self.late.load(Ordering::Relaxed))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// One fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Case {
    /// The longest time in which no change was answered.
    pub(crate) gap: Duration,
    /// How long the database was away.
    pub(crate) away: Duration,
    /// How long a thread waited for a processor meanwhile.
    pub(crate) late: Duration,
    /// How many terms have begun.
    pub(crate) terms: u64,
}

impl Case {
    /// The part of the gap that the cluster itself may have caused.
    fn of_cluster(&self) -> Duration {
        self.gap.saturating_sub(self.away + self.late)
    }
}

impl Cluster {
    /// Lets a fault happen under load, and measures it.
    pub(crate) async fn measure(&mut self, fault: Fault, load: &Load, machine: &Machine) -> Case {
        load.wait_for_answers(20).await;
        let (term, _) = self.leader().await;
        let (began, late) = (Instant::now(), machine.late());
        let away = self.suffer(fault, load).await;
        load.wait_for_answers(20).await;
        let gap = load.longest_gap_since(began);
        let late = machine.late() - late;
        let (newest, _) = self.leader().await;
        Case {
            gap,
            away,
            late,
            terms: newest - term,
        }
    }
}

impl Fault {
    /// How long the median take-over may take on a quiet machine. Several times what it takes
    /// there, and less than it takes with a regression of its kind.
    pub(crate) fn limit(self) -> Duration {
        Duration::from_millis(match self {
            // A lease and an election take 3.1 s. A second lease, or a client that waits for a dead
            // member, takes over 6 s.
            Self::Killed | Self::Paused | Self::Stalled | Self::AnsweredLate | Self::CutOff => {
                5_000
            }
            // The leader stays. If another one had to lead, its lease would take 3 s.
            Self::Terminated | Self::Restarted | Self::Promoted => 2_000,
            // The lease is released. Otherwise 1.9 s of it are left, or more.
            Self::SteppedDown => 1_500,
        })
    }
}

/// The cases by fault.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<Fault, Vec<Case>>);

impl Measured {
    pub(crate) fn add(&mut self, fault: Fault, case: Case) {
        self.0.entry(fault).or_default().push(case);
    }

    /// The kinds of which the median is too slow, in sentences.
    pub(crate) fn too_slow(&self) -> Vec<String> {
        let slow = self.0.iter().filter_map(|(fault, cases)| {
            let median = median(cases.iter().map(Case::of_cluster).collect());
            let limit = fault.limit();
            (median > limit).then(|| {
                format!("{fault:?}: the median is {median:.2?}, more than {limit:.2?}: {cases:.2?}")
            })
        });
        slow.collect()
    }

    /// How many terms have begun.
    pub(crate) fn terms(&self) -> u64 {
        self.0.values().flatten().map(|case| case.terms).sum()
    }
}

/// The lower one of two in the middle: one slow case of two is no regression.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) / 2]
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "seconds without an answered change, by fault:")?;
        for (fault, cases) in &self.0 {
            let mut gaps: Vec<f64> = cases.iter().map(|case| case.gap.as_secs_f64()).collect();
            gaps.sort_by(f64::total_cmp);
            let at = |share: f64| gaps[((gaps.len() - 1) as f64 * share).round() as usize];
            let own = median(cases.iter().map(Case::of_cluster).collect());
            writeln!(
                out,
                "{:>13}: {:>3} times, {:>3} new terms, p50 {:.2}, p99 {:.2}, longest {:.2}; p50 without the machine and the database {:.2}",
                format!("{fault:?}"),
                gaps.len(),
                cases.iter().map(|case| case.terms).sum::<u64>(),
                at(0.5),
                at(0.99),
                at(1.0),
                own.as_secs_f64()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(fault: Fault, cases: &[(u64, u64, u64)]) -> usize {
        let mut measured = Measured::default();
        for (gap, away, late) in cases.iter().copied() {
            let [gap, away, late] = [gap, away, late].map(Duration::from_millis);
            let terms = 1;
            let case = Case {
                gap,
                away,
                late,
                terms,
            };
            measured.add(fault, case);
        }
        assert_eq!(measured.terms(), cases.len() as u64);
        measured.too_slow().len()
    }

    #[test]
    fn a_kind_that_is_slow_is_found() {
        // A second lease after a kill. A lease that was not released.
        assert_eq!(found(Fault::Killed, &[(6_100, 0, 100); 2]), 1);
        assert_eq!(
            found(
                Fault::SteppedDown,
                &[(300, 0, 0), (3_300, 0, 0), (3_400, 0, 0)]
            ),
            1
        );
        // A leader that is deposed because its database restarts.
        assert_eq!(found(Fault::Restarted, &[(3_500, 400, 100)]), 1);
    }

    #[test]
    fn one_slow_case_or_a_slow_machine_is_not() {
        assert_eq!(found(Fault::SteppedDown, &[(300, 0, 0), (3_300, 0, 0)]), 0);
        assert_eq!(found(Fault::Killed, &[(7_000, 0, 3_000)]), 0);
        assert_eq!(found(Fault::Restarted, &[(9_000, 8_000, 500)]), 0);
    }
}
