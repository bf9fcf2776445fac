//! The rules for elections, in memory and in a database. The network may deliver a message late: after
//! its sender has sent others, over other connections.

use std::sync::Arc;
use std::time::Duration;

use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{Elections, JournalError, Report, Storage, Term};

use crate::postgres::Database;
use crate::postgres::elections::member;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

/// Two processes on one store.
struct Processes {
    one: Arc<dyn Elections>,
    two: Arc<dyn Elections>,
    _stores: [Box<dyn Storage>; 2],
}

impl Processes {
    fn of(stores: [Box<dyn Storage>; 2]) -> Self {
        let [one, two] = stores.each_ref().map(|store| store.elections().unwrap());
        Self {
            one,
            two,
            _stores: stores,
        }
    }
}

fn in_memory() -> Processes {
    let store = MemoryStore::new();
    let other = store.restart();
    Processes::of([Box::new(store), Box::new(other)])
}

async fn on_postgres() -> Processes {
    let database = Database::new();
    let store = database.create().await;
    let other = database.open().await;
    Processes::of([Box::new(store), Box::new(other)])
}

async fn report(elections: &dyn Elections, name: &str) {
    let report = Report {
        member: member(name),
        sequence: 0,
        version: String::new(),
    };
    elections.report(&report).await.unwrap();
}

/// The term that a member gets, if the lease is free.
async fn campaign(elections: &dyn Elections, name: &str) -> Option<Term> {
    let won = elections.campaign(&member(name), LONG).await.unwrap();
    won.map(|leading| leading.term())
}

async fn a_late_renewal_revives_no_released_lease(processes: Processes) {
    let Processes { one, two, .. } = &processes;
    assert_eq!(campaign(one.as_ref(), "one").await, Some(Term(1)));
    one.renew(Term(1), LONG).await.unwrap();
    for _ in 0..2 {
        one.release(Term(1)).await.unwrap();
    }
    let late = one.renew(Term(1), LONG).await;
    assert!(
        matches!(late, Err(JournalError::Deposed { .. })),
        "{late:?}"
    );
    assert_eq!(campaign(two.as_ref(), "two").await, Some(Term(2)));
    // Nor does it, or a late release, touch the next lease.
    one.release(Term(1)).await.unwrap();
    assert!(one.renew(Term(1), LONG).await.is_err());
    assert_eq!(campaign(one.as_ref(), "one").await, None);
    assert_eq!(two.renew(Term(2), LONG).await, Ok(()));
}

async fn a_late_campaign_wins_no_released_lease(processes: Processes) {
    let Processes { one, two, .. } = &processes;
    report(one.as_ref(), "one").await;
    assert_eq!(campaign(one.as_ref(), "one").await, Some(Term(1)));
    one.release(Term(1)).await.unwrap();
    // The same campaign again, as if an earlier try arrived after the end of the term.
    assert_eq!(campaign(one.as_ref(), "one").await, None);
    report(two.as_ref(), "two").await;
    assert_eq!(campaign(two.as_ref(), "two").await, Some(Term(2)));
    two.release(Term(2)).await.unwrap();
    assert_eq!(campaign(one.as_ref(), "one").await, None);
    report(one.as_ref(), "one").await;
    assert_eq!(campaign(one.as_ref(), "one").await, Some(Term(3)));
}

async fn a_member_that_leaves_has_no_lease(processes: Processes) {
    let Processes { one, two, .. } = &processes;
    report(one.as_ref(), "one").await;
    // It does not get the answer.
    assert_eq!(campaign(one.as_ref(), "one").await, Some(Term(1)));
    two.leave(&member("one")).await.unwrap();
    one.leave(&member("two")).await.unwrap();
    assert_eq!(campaign(two.as_ref(), "two").await, None);
    one.leave(&member("one")).await.unwrap();
    assert_eq!(campaign(two.as_ref(), "two").await, Some(Term(2)));
}

macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::in_memory()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::on_postgres().await).await;
            })*
        }
    };
}

rules!(
    a_late_renewal_revives_no_released_lease,
    a_late_campaign_wins_no_released_lease,
    a_member_that_leaves_has_no_lease,
);
