//! A store that fails ends all writing. Every waiting caller gets the first reason. Durable data
//! can still be read.

use workflow_server::journal::memory::FailAt;
use workflow_server::ledger::{LedgerError, Outcome};

use crate::support::{Bench, request, settle, team};

fn reason(answer: Result<Outcome, LedgerError>) -> String {
    match answer {
        Err(LedgerError::Unavailable(reason)) => reason.to_string(),
        other => panic!("the test expects a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_failed_append_stops_all_further_writes() {
    let bench = Bench::new().await;
    bench.commit(team("durable")).await;
    bench.store.fail_append(1, FailAt::BeforeStored);
    bench.store.hold_appends();
    let in_flight = bench.ask(request(team("in-flight"), None));
    bench.store.appends_held(1).await;
    let (behind, refusal) = (
        bench.ask(request(team("behind"), None)),
        bench.ask(request(team("in-flight"), None)),
    );
    settle().await;
    bench.store.release_appends();
    let first = reason(in_flight.await.unwrap());
    assert_eq!(reason(behind.await.unwrap()), first);
    assert_eq!(
        reason(refusal.await.unwrap()),
        first,
        "a refusal in the same group gets no answer either"
    );
    assert_eq!(
        reason(bench.handle.execute(request(team("later"), None)).await),
        first,
        "the first reason is kept"
    );
    assert_eq!(
        bench.handle.health().failure().map(|reason| &**reason),
        Some(&*first)
    );
    let root = bench.handle.root();
    assert!(root.teams.place("durable").is_some() && root.teams.place("in-flight").is_none());
    let bench = bench.crash().await;
    assert_eq!(bench.handle.root().sequence, 1);
    assert_eq!(
        bench.commit(team("in-flight")).await,
        2,
        "the next process writes again"
    );
}

#[tokio::test]
async fn a_request_stored_despite_an_error_is_found_again() {
    let bench = Bench::new().await;
    bench.store.fail_append(1, FailAt::AfterStored);
    reason(bench.handle.execute(request(team("care"), Some(3))).await);
    assert_eq!(
        bench.handle.root().sequence,
        0,
        "it is hidden until a start has found it durable"
    );
    let bench = bench.crash().await;
    let again = bench.handle.execute(request(team("care"), Some(3))).await;
    assert!(
        matches!(again, Ok(Outcome::Repeated { sequence: 1 })),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_restart_after_any_failed_append_has_no_gap() {
    for nth in 1..=12 {
        for at in [FailAt::BeforeStored, FailAt::AfterStored] {
            let bench = Bench::new().await;
            bench.store.fail_append(nth, at);
            let mut answered = 0;
            for n in 0..15 {
                match bench
                    .handle
                    .execute(request(team(&format!("team-{n}")), Some(n)))
                    .await
                {
                    Ok(_) => answered = n + 1,
                    Err(_) => break,
                }
            }
            assert_eq!(answered, nth - 1);
            let bench = bench.crash().await;
            let kept = bench.handle.root().sequence;
            assert!(
                (answered..=answered + 1).contains(&kept),
                "{answered} answered, {kept} kept"
            );
            for n in 0..15 {
                bench
                    .handle
                    .execute(request(team(&format!("team-{n}")), Some(n)))
                    .await
                    .unwrap();
            }
            assert_eq!(bench.handle.root().sequence, 15, "each exists once");
        }
    }
}
