//! Nothing is visible before it is durable: no answer, refusal, repeated answer, root or feed
//! entry.

use aftercall_engine::command::{Command, ImportTeam};
use workflow_server::journal::Storage as _;
use workflow_server::ledger::{LedgerError, Outcome};

use crate::support::{Bench, request, settle, team};

#[tokio::test]
async fn nothing_is_visible_before_it_is_durable() {
    let bench = Bench::new().await;
    bench.store.hold_appends();
    let answer = bench.ask(request(team("care"), None));
    bench.store.appends_held(1).await;
    settle().await;
    assert!(!answer.is_finished());
    assert_eq!(bench.handle.root().sequence, 0);
    assert_eq!(bench.handle.feed().newest().borrow().sequence, 0);
    bench.store.release_appends();
    let Ok(Outcome::Committed(entry)) = answer.await.unwrap() else {
        panic!("the command is carried out")
    };
    assert_eq!(entry.sequence, 1);
    assert_eq!(
        bench.handle.root().sequence,
        1,
        "root and feed are published before the answer"
    );
    let items = bench.handle.feed().items(1, 10).await.unwrap();
    assert_eq!(
        items.iter().map(|item| &*item.entry).collect::<Vec<_>>(),
        [&*entry]
    );
}

#[tokio::test]
async fn a_refusal_waits_for_the_changes_it_depends_on() {
    let bench = Bench::new().await;
    bench.store.hold_appends();
    let first = bench.ask(request(team("care"), None));
    bench.store.appends_held(1).await;
    let stale = Command::from(ImportTeam {
        name: "care".into(),
        title: "Care".into(),
        expected: Some(7),
        claim_next_only: None,
    });
    let refusal = bench.ask(request(stale.clone(), None));
    settle().await;
    assert!(
        !refusal.is_finished(),
        "it names a team that is not durable"
    );
    bench.store.release_appends();
    assert!(matches!(
        refusal.await.unwrap(),
        Err(LedgerError::Rejected(_))
    ));
    assert!(first.await.unwrap().is_ok());
    bench.store.hold_appends();
    let at_once = bench.handle.execute(request(stale, None)).await;
    assert!(
        matches!(at_once, Err(LedgerError::Rejected(_))),
        "nothing is being written, so it does not wait"
    );
}

#[tokio::test]
async fn a_repeated_answer_waits_for_the_first_one() {
    let bench = Bench::new().await;
    bench.store.hold_appends();
    let first = bench.ask(request(team("care"), Some(5)));
    bench.store.appends_held(1).await;
    let again = bench.ask(request(team("care"), Some(5)));
    settle().await;
    assert!(!again.is_finished());
    bench.store.release_appends();
    assert!(matches!(first.await.unwrap(), Ok(Outcome::Committed(entry)) if entry.sequence == 1));
    assert!(matches!(
        again.await.unwrap(),
        Ok(Outcome::Repeated { sequence: 1 })
    ));
}

#[tokio::test]
async fn commands_during_a_write_form_one_group() {
    let bench = Bench::new().await;
    bench.store.hold_appends();
    let first = bench.ask(request(team("first"), None));
    bench.store.appends_held(1).await;
    let rest: Vec<_> = (0..15)
        .map(|n| bench.ask(request(team(&format!("team-{n}")), None)))
        .collect();
    settle().await;
    bench.store.release_appends();
    for answer in rest.into_iter().chain([first]) {
        assert!(answer.await.unwrap().is_ok());
    }
    let groups = bench.store.log().read(1, usize::MAX).await.unwrap();
    let sizes: Vec<u64> = groups
        .iter()
        .map(|group| group.last - group.first + 1)
        .collect();
    assert_eq!(
        sizes,
        [1, 15],
        "all commands during the first write are in one group"
    );
}

#[tokio::test]
async fn a_command_completes_after_its_client_leaves() {
    let bench = Bench::new().await;
    bench.store.hold_appends();
    let answer = bench.ask(request(team("care"), None));
    bench.store.appends_held(1).await;
    answer.abort();
    bench.store.release_appends();
    bench
        .until("the team is there", |root| {
            root.teams.place("care").is_some()
        })
        .await;
}

#[tokio::test]
async fn one_request_a_hundred_times_has_one_effect() {
    let bench = Bench::new().await;
    let answers: Vec<_> = (0..100)
        .map(|_| bench.ask(request(team("care"), Some(9))))
        .collect();
    let mut committed = 0;
    for answer in answers {
        match answer.await.unwrap().unwrap() {
            Outcome::Committed(entry) => {
                assert_eq!(entry.sequence, 1);
                committed += 1;
            }
            Outcome::Repeated { sequence } => assert_eq!(sequence, 1),
            Outcome::Unchanged(answer) => panic!("{answer:?}"),
        }
    }
    assert_eq!((committed, bench.handle.root().sequence), (1, 1));
    let bench = bench.crash().await;
    let again = bench.handle.execute(request(team("care"), Some(9))).await;
    assert!(
        matches!(again, Ok(Outcome::Repeated { sequence: 1 })),
        "also after a crash: {again:?}"
    );
}
