//! A leader and two followers on one store: at any point where the term of the leader ends, a
//! follower takes over, and nothing acknowledged is lost or doubled, nothing of another
//! term is written, and nothing erased comes back.

mod scene;

use proptest::prelude::*;
use scene::{Scene, violations};
use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{Storage as _, Term};
use workflow_server::ledger::feed::FeedError;
use workflow_server::ledger::{Follower, LedgerError};

use crate::support::{Bench, options, request, team};

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// The whole life of a store, with a change of the leader after each of these numbers of writes.
async fn live(gaps: Vec<u64>) -> MemoryStore {
    let mut scene = Scene::new(gaps).await;
    scene.furnish().await;
    scene.archive().await;
    scene.fill(45).await;
    scene.check_each_is_once().await;
    assert!(
        scene.place_of_needle().await.is_some(),
        "the test looks for nothing"
    );
    scene.erase().await;
    assert_eq!(scene.place_of_needle().await, None);
    scene.purge().await;
    assert_eq!(scene.place_of_needle().await, None);
    scene.check_members_agree().await;
    scene.end().await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn terms_may_end_anywhere(gaps in proptest::collection::vec(0_u64..40, 1..14)) {
        let store = run(live(gaps));
        prop_assert_eq!(violations(&store), Vec::<String>::new());
    }
}

#[test]
fn the_life_of_a_store_without_a_change_of_the_leader_is_in_order_too() {
    assert_eq!(violations(&run(live(Vec::new()))), Vec::<String>::new());
}

#[test]
fn each_change_of_the_leader_is_one_that_the_script_goes_through() {
    let store = run(live(vec![5, 9, 0, 60]));
    // One that ends each term, and one that leads after it.
    assert_eq!(run(store.newest_term()), Ok(Term(1 + 2 * 4)));
}

#[test]
fn without_terms_a_deposed_leader_writes() {
    let found = run(async {
        let bench = Bench::new().await;
        bench.store.ignore_terms();
        bench.store.restart().take_over().await.unwrap();
        bench.commit(team("by-the-deposed")).await;
        violations(&bench.store)
    });
    assert!(!found.is_empty());
}

#[tokio::test]
async fn a_follower_shows_what_the_leader_has_committed_and_takes_over() {
    let bench = Bench::new().await;
    bench.commit(team("first")).await;
    let other = bench.store.restart();
    let mut follower = Follower::begin(&other, options()).await.unwrap();
    assert_eq!(follower.root().sequence, 1);
    bench.commit(team("second")).await;
    while follower.advance().await.unwrap() {}
    assert_eq!(follower.root().sequence, 2);
    let items = follower.feed().items(2, 10).await.unwrap();
    assert!(items.len() == 1 && items[0].entry.sequence == 2);
    let bench = bench.taken_over_by(follower, other).await;
    assert_eq!(bench.commit(team("third")).await, 3);
}

#[tokio::test]
async fn a_follower_that_is_behind_says_so_and_only_the_future_is_out_of_range() {
    let bench = Bench::new().await;
    let mut follower = Follower::begin(&bench.store.restart(), options())
        .await
        .unwrap();
    for n in 0..3 {
        bench.commit(team(&format!("team-{n}"))).await;
    }
    for from in [2, 3, 4] {
        let behind = follower.feed().items(from, 10).await;
        assert!(
            matches!(behind, Err(FeedError::Behind { newest: 0 })),
            "{from}: {behind:?}"
        );
    }
    assert!(
        follower.feed().items(1, 10).await.unwrap().is_empty(),
        "nothing is known to follow"
    );
    assert!(matches!(
        follower.feed().items(5, 10).await,
        Err(FeedError::OutOfRange { .. })
    ));
    while follower.advance().await.unwrap() {}
    assert_eq!(follower.feed().items(2, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_follower_that_the_log_was_trimmed_beyond_begins_again_and_never_goes_back() {
    let bench = Bench::new().await;
    bench.commit(team("seen")).await;
    let mut follower = Follower::begin(&bench.store.restart(), options())
        .await
        .unwrap();
    for n in 0..200 {
        bench.commit(team(&format!("team-{n}"))).await;
    }
    bench.trimmed_beyond(2).await;
    while follower.advance().await.unwrap() {}
    let newest = follower.root().sequence;
    // Each packed chunk of the history is an entry too.
    assert!(newest > 201);
    assert!(
        follower
            .feed()
            .items(newest + 1, 1)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        follower.feed().items(2, 1).await,
        Err(FeedError::OutOfRange { .. })
    ));
    let after = bench.commit(team("after")).await;
    while follower.advance().await.unwrap() {}
    let items = follower.feed().items(after, 1).await.unwrap();
    assert_eq!(items[0].entry.sequence, after);
}

#[tokio::test]
async fn the_time_of_a_new_leader_is_never_before_the_newest_entry() {
    let bench = Bench::new().await;
    bench.commit(team("first")).await;
    let newest = bench.handle.root().at;
    let other = bench.store.restart();
    let follower = Follower::begin(&other, options()).await.unwrap();
    bench
        .clock
        .set_wall(aftercall_definition::time::Time(newest.0 - 60_000));
    let bench = bench.taken_over_by(follower, other).await;
    assert!(bench.handle.now() >= newest);
    bench.commit(team("second")).await;
    assert!(bench.handle.root().at >= newest);
    let refused = bench.handle.execute(request(team("second"), None)).await;
    assert!(
        !matches!(refused, Err(LedgerError::Unavailable(_))),
        "{refused:?}"
    );
}
