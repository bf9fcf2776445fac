//! A store that is unreachable, or whose answer is lost. No caller gets an answer until it is known
//! what is written, and nothing is written twice. A deposed leader answers that it accepts no
//! commands.

use workflow_server::journal::Storage as _;
use workflow_server::journal::memory::FailAt;
use workflow_server::ledger::{Condition, LedgerError, Outcome};

use crate::support::{Bench, PATIENCE, request, settle, team};

const LOST: [FailAt; 3] = [
    FailAt::Unreachable,
    FailAt::AnswerLostBefore,
    FailAt::AnswerLostAfter,
];

fn unavailable(answer: Result<Outcome, LedgerError>) -> String {
    match answer {
        Err(LedgerError::Unavailable(reason)) => reason.to_string(),
        other => panic!("the test expects a refusal: {other:?}"),
    }
}

/// Waits until the condition exists, or has ended.
async fn is_unreachable(bench: &Bench, expected: bool) {
    let mut health = bench.handle.conditions().watch();
    let waiting =
        health.wait_for(|health| health.get(Condition::Unreachable).is_some() == expected);
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("in time")
        .expect("the conditions exist");
}

#[tokio::test]
async fn a_command_with_a_lost_answer_runs_once() {
    for at in LOST {
        let bench = Bench::new().await;
        for n in 1..=12 {
            bench.store.fail_append(1, at);
            let committed =
                tokio::time::timeout(PATIENCE, bench.commit(team(&format!("team-{n}")))).await;
            assert_eq!(committed.expect("it is answered"), n, "{at:?}");
        }
        is_unreachable(&bench, false).await;
        assert_eq!(bench.handle.root().sequence, 12);
        let bench = bench.restart().await;
        let teams: Vec<String> = bench
            .handle
            .root()
            .teams
            .by_place()
            .map(|team| team.name.to_string())
            .collect();
        assert_eq!(
            teams,
            (1..=12).map(|n| format!("team-{n}")).collect::<Vec<_>>(),
            "each exists once, and in order"
        );
    }
}

#[tokio::test]
async fn no_command_is_answered_while_the_store_is_unreachable() {
    let bench = Bench::new().await;
    bench.commit(team("durable")).await;
    // The first append is stored and its answer is lost. Then every other answer is lost too.
    bench.store.fail_append(1, FailAt::AnswerLostAfter);
    bench.store.hold_appends();
    let (stored, waiting) = (
        bench.ask(request(team("stored"), None)),
        bench.ask(request(team("waiting"), None)),
    );
    bench.store.appends_held(1).await;
    bench.store.release_appends();
    is_unreachable(&bench, true).await;
    bench.store.cut_off(true);
    settle().await;
    assert!(!waiting.is_finished());
    assert!(bench.handle.root().sequence <= 3);
    bench.store.cut_off(false);
    for answer in [stored, waiting] {
        let answer = tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("in time")
            .unwrap();
        assert!(matches!(answer, Ok(Outcome::Committed(_))), "{answer:?}");
    }
    assert_eq!(bench.handle.root().sequence, 3);
    is_unreachable(&bench, false).await;
}

#[tokio::test]
async fn the_next_server_resolves_an_unknown_answer() {
    for at in LOST {
        let bench = Bench::new().await;
        bench.store.fail_append(1, at);
        bench.store.hold_appends();
        let asked = bench.ask(request(team("care"), Some(1)));
        bench.store.appends_held(1).await;
        bench.store.release_appends();
        is_unreachable(&bench, true).await;
        bench.store.cut_off(true);
        let store = bench.store.restart();
        let clock = bench.clock.clone();
        tokio::time::timeout(PATIENCE, bench.stop())
            .await
            .expect("it stops");
        let answer = asked.await.unwrap();
        let was_answered = answer.is_ok();
        if !was_answered {
            unavailable(answer);
        }
        let bench = Bench::on(store, clock).await;
        let again = bench
            .handle
            .execute(request(team("care"), Some(1)))
            .await
            .unwrap();
        assert!(
            matches!(again, Outcome::Repeated { sequence: 1 }) || !was_answered,
            "{at:?}: {again:?}"
        );
        assert_eq!(
            bench.handle.root().sequence,
            1,
            "once, for any number of requests"
        );
    }
}

#[tokio::test]
async fn a_deposed_leader_refuses_all_commands() {
    let bench = Bench::new().await;
    bench.commit(team("durable")).await;
    let other = bench.store.restart();
    let leading = other.take_over().await.unwrap();
    let reason = unavailable(bench.handle.execute(request(team("too-late"), None)).await);
    assert!(
        reason.contains("a server with term 2 leads now"),
        "{reason}"
    );
    assert_eq!(
        unavailable(bench.handle.execute(request(team("later"), None)).await),
        reason
    );
    assert_eq!((other.bounds().newest.sequence, leading.term().0), (1, 2));
    assert_eq!(
        bench.handle.root().sequence,
        1,
        "published data can still be read"
    );
}
