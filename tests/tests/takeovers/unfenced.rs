//! The control: without the fence the checker finds errors.
//!
//! The fence is the row of the leader in the database: each write of a leader and each extension of
//! its lease reads that row. This test gives a paused leader its old row back, which only that member
//! sees. Nothing in the program changes.

use crate::checks::{Finding, Findings, check};
use crate::cluster::{Cluster, NAMES};
use crate::load::Load;

/// Lets each member have a row of its own. Until then all of them see the same one.
const PREPARE: &str = "
CREATE ROLE one LOGIN;
CREATE ROLE two LOGIN;
CREATE ROLE three LOGIN;
GRANT USAGE ON SCHEMA aftercall TO one, two, three;
GRANT ALL ON ALL TABLES IN SCHEMA aftercall TO one, two, three;
ALTER TABLE aftercall.leadership DROP CONSTRAINT leadership_pkey, ADD COLUMN only_for name;
CREATE TABLE public.alone (member name PRIMARY KEY);
GRANT SELECT ON public.alone TO one, two, three;
ALTER TABLE aftercall.leadership ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON aftercall.leadership USING (
    CASE WHEN EXISTS (SELECT FROM public.alone WHERE member = current_user)
    THEN only_for = current_user ELSE only_for IS NULL END
);";

impl Cluster {
    /// Pauses the leader for longer than its lease. With `keeps_row` it has its row afterwards, as if
    /// nobody had deposed it. Returns its place.
    async fn pause_leader(&mut self, load: &Load, keeps_row: bool) -> usize {
        let (term, leader) = self.leader().await;
        self.members[leader].signal("STOP");
        if keeps_row {
            let name = NAMES[leader];
            self.primary.sql(
                &self.database,
                &format!(
                    "INSERT INTO aftercall.leadership
                     SELECT term, mark, holder, address, began_at, expires_at, '{name}'
                     FROM aftercall.leadership WHERE term = {term};
                     INSERT INTO public.alone VALUES ('{name}')"
                ),
            );
        }
        self.next_leader(term).await;
        load.wait_for_answers(20).await;
        self.members[leader].signal("CONT");
        leader
    }

    /// Takes the row of a member away, and starts the member again.
    fn repair(&mut self, member: usize) {
        self.members[member].kill();
        let name = NAMES[member];
        self.primary.sql(
            &self.database,
            &format!(
                "DELETE FROM aftercall.leadership WHERE only_for = '{name}';
                 DELETE FROM public.alone WHERE member = '{name}'"
            ),
        );
        let database = self.database.clone();
        self.members[member].start(&database);
    }
}

/// Runs the load while leaders are paused, this often at most, until a client finds wrong data. Returns
/// what the checker finds.
async fn findings(keeps_row: bool, pauses: usize) -> Vec<Finding> {
    let mut cluster = Cluster::start_as(|name| name, PREPARE).await;
    let load = Load::begin(&cluster);
    for _ in 0..pauses {
        load.wait_for_answers(20).await;
        let paused = cluster.pause_leader(&load, keeps_row).await;
        load.wait_for_answers(100).await;
        if keeps_row {
            cluster.repair(paused);
        }
        if load.has_wrong_data() {
            break;
        }
    }
    let answered = load.end().await;
    check(&Findings {
        answered,
        log: cluster.log(),
        feeds: cluster.feeds().await,
        ..Findings::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_the_checker_finds_wrong_data() {
    let found = findings(true, 8).await;
    println!("{found:#?}");
    // A cluster that only refuses requests would not show that the fence protects the data.
    assert!(found.iter().any(Finding::is_about_data));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_fence_paused_leaders_cause_no_errors() {
    assert_eq!(findings(false, 2).await, []);
}
