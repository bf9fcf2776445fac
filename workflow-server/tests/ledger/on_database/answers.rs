//! Answers that are lost on the way from the database.

use workflow_server::ledger::Outcome;

use super::node::{Lost, Node, committed, unavailable};
use super::place::Place;
use crate::support::{request, team};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_lost_answer_runs_once() {
    let place = Place::new().await;
    let node = Node::begin(&place).await;
    let mut expected = Vec::new();
    for round in 0..2 {
        for lost in Lost::ALL {
            // The connection is there, and its statement is prepared.
            let before = format!("{lost:?}-{round}-before").to_lowercase();
            node.commit(team(&before)).await;
            let name = format!("{lost:?}-{round}").to_lowercase();
            let asked = node.lose(&place, lost, request(team(&name), None)).await;
            assert!(!asked.is_finished(), "{lost:?}");
            node.mend();
            let sequence = committed(asked.await.unwrap());
            expected.extend([before, name]);
            assert_eq!(sequence, expected.len() as u64, "{lost:?}");
            node.is_unreachable(false).await;
        }
    }
    node.stop().await;
    let node = Node::begin(&place).await;
    let root = node.handle.root();
    let teams: Vec<String> = root
        .teams
        .by_place()
        .map(|team| team.name.to_string())
        .collect();
    assert_eq!(teams, expected, "each exists once, and in order");
    assert_eq!(place.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_is_answered_while_the_database_is_away() {
    let place = Place::new().await;
    let node = Node::begin(&place).await;
    node.commit(team("durable")).await;
    let stored = node
        .lose(&place, Lost::After, request(team("stored"), None))
        .await;
    let waiting = node.ask(request(team("waiting"), None));
    assert_eq!(place.newest(), 2, "it is stored");
    assert!(!stored.is_finished() && !waiting.is_finished());
    assert_eq!(node.handle.root().sequence, 1, "nobody sees it");
    node.mend();
    assert_eq!(committed(stored.await.unwrap()), 2);
    assert_eq!(committed(waiting.await.unwrap()), 3);
    node.is_unreachable(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_resolves_an_unknown_answer() {
    for lost in Lost::ALL {
        let place = Place::new().await;
        let node = Node::begin(&place).await;
        node.commit(team("before")).await;
        let marked = || request(team("care"), Some(1));
        let asked = node.lose(&place, lost, marked()).await;
        node.cut_off();
        node.stop().await;
        unavailable(asked.await.unwrap());
        let node = Node::begin(&place).await;
        let again = node.handle.execute(marked()).await.unwrap();
        let is_repeated = matches!(again, Outcome::Repeated { sequence: 2 });
        assert_eq!(is_repeated, lost == Lost::After, "{lost:?}: {again:?}");
        assert_eq!(node.handle.root().sequence, 2, "once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposed_leader_refuses_all_commands() {
    let place = Place::new().await;
    let node = Node::begin(&place).await;
    node.commit(team("durable")).await;
    let other = Node::begin(&place).await;
    let late = node.handle.execute(request(team("too-late"), None)).await;
    let reason = unavailable(late);
    assert!(
        reason.contains("a server with term 2 leads now"),
        "{reason}"
    );
    let later = node.handle.execute(request(team("later"), None)).await;
    assert_eq!(unavailable(later), reason);
    assert_eq!(other.commit(team("by-the-next")).await, 2);
    assert_eq!(place.violations(), Vec::<String>::new());
}
