//! Elections in a database, by its clock.

use std::time::Duration;

use workflow_server::journal::{Elections, JournalError, Member, Report, Storage as _, Term};

use super::{Database, eventually};
use crate::support::append_by;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

pub(crate) fn member(name: &str) -> Member {
    Member {
        name: name.to_owned(),
        address: format!("https://{name}.example.com:7401"),
    }
}

fn report(name: &str, sequence: u64) -> Report {
    Report {
        member: member(name),
        sequence,
        version: "1.2.3".to_owned(),
    }
}

/// Campaigns until the lease of another leader has ended.
async fn win(elections: &dyn Elections, name: &str) -> Term {
    eventually("the lease has ended", async || {
        let won = elections.campaign(&member(name), LONG).await.unwrap();
        won.map(|leading| leading.term())
    })
    .await
}

#[tokio::test]
async fn one_member_at_a_time_has_a_lease() {
    let database = Database::new();
    let stores = [database.create().await, database.open().await];
    let [one, two] = stores.each_ref().map(|store| store.elections().unwrap());
    assert_eq!(one.report(&report("one", 0)).await.unwrap().lease, None);
    let first = one.campaign(&member("one"), LONG).await.unwrap().unwrap();
    assert_eq!(first.term(), Term(1));
    for elections in [&one, &two] {
        let lost = elections.campaign(&member("two"), LONG).await.unwrap();
        assert!(lost.is_none());
    }
    let deposed = Err(JournalError::Deposed {
        term: Term(9),
        newest: Term(1),
    });
    assert_eq!(two.renew(Term(9), LONG).await, deposed);
    // The lease ends soon. The first leader can write until another one leads.
    one.renew(Term(1), Duration::from_millis(30)).await.unwrap();
    let second = win(two.as_ref(), "two").await;
    assert_eq!(second, Term(2));
    let refused = stores[0].take_over().await.map(|leading| leading.term());
    assert!(
        matches!(
            refused,
            Err(JournalError::Deposed {
                newest: Term(2),
                ..
            })
        ),
        "a tool does not depose a leader: {refused:?}"
    );
    let renewed = one.renew(Term(1), LONG).await;
    assert!(matches!(renewed, Err(JournalError::Deposed { .. })));
    let appended = first.log().trim(1).await;
    assert!(matches!(appended, Err(JournalError::Deposed { .. })));
}

#[tokio::test]
async fn a_released_lease_ends_immediately() {
    let database = Database::new();
    let stores = [database.create().await, database.open().await];
    let [one, two] = stores.each_ref().map(|store| store.elections().unwrap());
    let first = one.campaign(&member("one"), LONG).await.unwrap().unwrap();
    append_by(&first, stores[0].log().as_ref(), 1, 10).await;
    two.release(first.term()).await.unwrap();
    let lost = two.campaign(&member("two"), LONG).await.unwrap();
    assert!(lost.is_none(), "the term is of another process");
    one.release(first.term()).await.unwrap();
    let second = two.campaign(&member("two"), LONG).await.unwrap().unwrap();
    assert_eq!(second.term(), Term(2));
    one.release(first.term()).await.unwrap();
    assert!(one.campaign(&member("one"), LONG).await.unwrap().is_none());
    append_by(&second, stores[1].log().as_ref(), 1, 10).await;
}

/// A process that did not get the answer to its campaign begins another term. The same campaign,
/// delivered late by the network, deposes nobody.
#[tokio::test]
async fn a_lost_campaign_is_replaced_by_its_own_process() {
    let database = Database::new();
    let stores = [database.create().await, database.open().await];
    let [one, two] = stores.each_ref().map(|store| store.elections().unwrap());
    one.report(&report("one", 0)).await.unwrap();
    let lost = one.campaign(&member("one"), LONG).await.unwrap().unwrap();
    // It was sent before a report has shown that the first one was carried out.
    assert!(one.campaign(&member("one"), LONG).await.unwrap().is_none());
    two.report(&report("one", 0)).await.unwrap();
    let namesake = two.campaign(&member("one"), LONG).await.unwrap();
    assert!(namesake.is_none(), "the lease is of another process");
    one.report(&report("one", 0)).await.unwrap();
    let known = one.campaign(&member("one"), LONG).await.unwrap().unwrap();
    assert_eq!((lost.term(), known.term()), (Term(1), Term(2)));
    append_by(&known, stores[0].log().as_ref(), 1, 10).await;
    let late = one.campaign(&member("one"), LONG).await.unwrap();
    assert!(late.is_none(), "it names the term before");
    let written = lost.log().trim(1).await;
    assert!(matches!(written, Err(JournalError::Deposed { .. })));
}

#[tokio::test]
async fn a_member_that_leaves_is_not_in_the_list() {
    let database = Database::new();
    let store = database.create().await;
    let elections = store.elections().unwrap();
    elections.report(&report("one", 7)).await.unwrap();
    elections.leave(&member("two")).await.unwrap();
    assert_eq!(database.sql("SELECT name FROM aftercall.member"), "one");
    elections.leave(&member("one")).await.unwrap();
    assert_eq!(database.sql("SELECT name FROM aftercall.member"), "");
}

#[tokio::test]
async fn members_see_the_leader_and_each_other() {
    let database = Database::new();
    let stores = [database.create().await, database.open().await];
    let [one, two] = stores.each_ref().map(|store| store.elections().unwrap());
    one.campaign(&member("one"), LONG).await.unwrap().unwrap();
    one.report(&report("one", 7)).await.unwrap();
    two.report(&report("two", 3)).await.unwrap();
    let seen = two.report(&report("two", 5)).await.unwrap();
    let lease = seen.lease.unwrap();
    assert_eq!((lease.term, lease.leader), (Term(1), member("one")));
    assert!(lease.left > LONG / 2 && lease.left <= LONG);
    assert!(lease.since_millis <= seen.now_millis);
    assert!(seen.now_millis - lease.since_millis < 60_000);
    let reports: Vec<_> = seen
        .members
        .into_iter()
        .map(|member| member.report)
        .collect();
    assert_eq!(reports, [report("one", 7), report("two", 5)]);
    // A member that is silent for long is forgotten.
    database.sql("UPDATE aftercall.member SET reported_at = reported_at - interval '2 minutes'");
    let seen = two.report(&report("two", 6)).await.unwrap();
    assert_eq!(seen.members.len(), 1);
    assert_eq!(database.sql("SELECT name FROM aftercall.member"), "two");
}

#[tokio::test]
async fn only_one_of_many_campaigns_wins() {
    let database = Database::new();
    let mut stores = vec![database.create().await];
    for _ in 0..7 {
        stores.push(database.open().await);
    }
    for round in 1..=5 {
        let campaigns = stores.iter().enumerate().map(|(at, store)| async move {
            let elections = store.elections().unwrap();
            let won = elections.campaign(&member(&at.to_string()), LONG).await;
            won.unwrap().map(|leading| (at, leading.term()))
        });
        let won = futures::future::join_all(campaigns).await;
        let winners: Vec<_> = won.into_iter().flatten().collect();
        let [(at, term)] = winners[..] else {
            panic!("{winners:?} have won");
        };
        assert_eq!(term, Term(round));
        stores[at].elections().unwrap().release(term).await.unwrap();
    }
}
