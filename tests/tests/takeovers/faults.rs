//! What happens to the leader and to the database.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aftercall_proto::workflow::v1::StepDownRequest;
use aftercall_test_postgres::Way;

use crate::cluster::Cluster;
use crate::load::Load;

/// A fault, or a planned change of the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// `kill -9` of the leader.
    Killed,
    /// `SIGSTOP` of the leader, longer than its lease, then `SIGCONT`.
    Paused,
    /// The link between leader and database holds all bytes back, and delivers them later.
    Stalled,
    /// The answers of the database reach the leader only after another member leads.
    AnsweredLate,
    /// The link between leader and database breaks, and new connections are refused.
    CutOff,
    /// The database ends all connections, three times.
    Terminated,
    /// The database restarts.
    Restarted,
    /// An operator asks the leader to step down.
    SteppedDown,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::Killed,
        Self::Paused,
        Self::Stalled,
        Self::AnsweredLate,
        Self::CutOff,
        Self::Terminated,
        Self::Restarted,
        Self::SteppedDown,
    ];
}

impl Cluster {
    /// Lets a fault happen and waits until it is over. Where the leader fails, another one leads
    /// then.
    pub(crate) async fn suffer(&mut self, fault: Fault, load: &Load) {
        let (term, leader) = self.leader().await;
        let database = self.database.clone();
        match fault {
            Fault::Killed => {
                self.members[leader].kill();
                self.next_leader(term).await;
                self.members[leader].start(&database);
            }
            Fault::Paused => {
                self.members[leader].signal("STOP");
                self.next_leader(term).await;
                load.wait_for_answers(5).await;
                self.members[leader].signal("CONT");
            }
            Fault::Stalled => {
                self.members[leader].link.stall();
                self.next_leader(term).await;
                self.members[leader].link.release();
            }
            Fault::AnsweredLate => {
                self.members[leader].link.hold(Way::ToClient);
                self.next_leader(term).await;
                load.wait_for_answers(5).await;
                self.members[leader].link.release();
            }
            Fault::CutOff => {
                self.members[leader].link.refuse(true);
                self.members[leader].link.reset();
                self.next_leader(term).await;
                self.members[leader].link.refuse(false);
            }
            Fault::Terminated => {
                for _ in 0..3 {
                    self.server.terminate_backends(&database);
                    load.wait_for_answers(5).await;
                }
            }
            Fault::Restarted => self.server.restart(),
            Fault::SteppedDown => {
                let mut clients = self.clients(leader).await;
                let request = StepDownRequest {
                    actor: "ops".to_owned(),
                };
                clients
                    .operations
                    .step_down(request)
                    .await
                    .expect("the leader steps down");
                self.next_leader(term).await;
            }
        }
    }
}

/// How long no change was answered, by fault.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<Fault, Vec<Duration>>);

impl Measured {
    pub(crate) fn add(&mut self, fault: Fault, gap: Duration) {
        self.0.entry(fault).or_default().push(gap);
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "seconds without an answered change, by fault:")?;
        for (fault, gaps) in &self.0 {
            let mut gaps: Vec<f64> = gaps.iter().map(Duration::as_secs_f64).collect();
            gaps.sort_by(f64::total_cmp);
            let at = |share: f64| gaps[((gaps.len() - 1) as f64 * share).round() as usize];
            let name = format!("{fault:?}");
            writeln!(
                out,
                "{name:>13}: {:>3} times, p50 {:.2}, p99 {:.2}, longest {:.2}",
                gaps.len(),
                at(0.5),
                at(0.99),
                at(1.0)
            )?;
        }
        Ok(())
    }
}
