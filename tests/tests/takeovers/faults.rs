//! What happens to the leader and to the database.

use std::time::{Duration, Instant};

use aftercall_proto::workflow::v1::StepDownRequest;
use aftercall_test_postgres::Way;
use tokio::task::block_in_place;
use tokio::time::interval;

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
    /// The database ends all connections, each second for three seconds.
    Terminated,
    /// The database restarts.
    Restarted,
    /// An operator asks the leader to step down.
    SteppedDown,
    /// The database dies, and its synchronous replica is promoted. It gets a replica of its own.
    Promoted,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::Killed,
        Self::Paused,
        Self::Stalled,
        Self::AnsweredLate,
        Self::CutOff,
        Self::Terminated,
        Self::Restarted,
        Self::SteppedDown,
        Self::Promoted,
    ];

    /// The faults with these names, separated by commas, in the order of the names.
    pub(crate) fn named(names: &str) -> Vec<Self> {
        let named = names.split(',').map(|name| {
            let fault = Self::ALL
                .into_iter()
                .find(|fault| format!("{fault:?}") == name.trim());
            fault.unwrap_or_else(|| panic!("{name:?} is none of {:?}", Self::ALL))
        });
        named.collect()
    }
}

impl Cluster {
    /// Lets a fault happen and waits until it is over. Where the leader fails, another one leads
    /// then. Returns how long the database was away.
    pub(crate) async fn suffer(&mut self, fault: Fault, load: &Load) -> Duration {
        let (term, leader) = self.leader().await;
        match fault {
            Fault::Killed => {
                self.members[leader].kill();
                self.next_leader(term).await;
                let database = self.database.clone();
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
                let mut seconds = interval(Duration::from_secs(1));
                for _ in 0..3 {
                    seconds.tick().await;
                    self.primary.terminate_backends(&self.database);
                    load.wait_for_answers(5).await;
                }
            }
            Fault::Restarted => return timed(|| self.primary.restart()),
            Fault::Promoted => {
                let away = timed(|| self.promote());
                block_in_place(|| self.replicate());
                return away;
            }
            Fault::SteppedDown => {
                self.step_down(leader).await;
                self.next_leader(term).await;
            }
        }
        Duration::ZERO
    }

    async fn step_down(&self, leader: usize) {
        let mut clients = self.clients(leader).await;
        let request = StepDownRequest {
            actor: "ops".to_owned(),
        };
        let asked = clients.operations.step_down(request).await;
        asked.expect("the leader steps down");
    }
}

/// How long something takes that blocks this thread.
fn timed(what: impl FnOnce()) -> Duration {
    let began = Instant::now();
    block_in_place(what);
    began.elapsed()
}
