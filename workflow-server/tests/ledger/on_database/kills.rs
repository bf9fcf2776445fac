//! PostgreSQL is killed at random moments while commands run, and the leader changes. Each
//! acknowledged command is there once, and all Worlds are equal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::Command;
use aftercall_test_postgres::Server;
use rand::Rng as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use workflow_server::ledger::{Handle, LedgerError, Outcome};

use super::node::{Following, Node};
use super::place::Place;
use super::worlds;
use crate::support::{PATIENCE, request, team};

const KILLS: u32 = 4;
const WORKERS: u64 = 3;

/// The command with this mark.
fn command(mark: u64) -> Command {
    team(&format!("team-{mark}"))
}

/// Sends one command after another to the present leader, and repeats each until it is answered.
/// Returns the sequence of each mark.
async fn work(
    worker: u64,
    mut leader: watch::Receiver<Option<Handle>>,
    count: Arc<AtomicU64>,
) -> BTreeMap<u64, u64> {
    let mut acknowledged = BTreeMap::new();
    for nth in 0.. {
        let mark = 1 + worker + nth * WORKERS;
        loop {
            let present = leader.borrow_and_update().clone();
            let Some(handle) = present else {
                return acknowledged;
            };
            let sequence = match handle.execute(request(command(mark), Some(mark))).await {
                Ok(Outcome::Committed(entry)) => entry.sequence,
                Ok(Outcome::Repeated { sequence }) => sequence,
                Err(LedgerError::Unavailable(_)) => {
                    let changed = tokio::time::timeout(PATIENCE, leader.changed()).await;
                    changed.expect("another leads").unwrap();
                    continue;
                }
                other => panic!("{mark}: {other:?}"),
            };
            acknowledged.insert(mark, sequence);
            count.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    acknowledged
}

/// Waits until as many more commands are acknowledged.
async fn wait_for_more(count: &AtomicU64, more: u64) {
    let (before, began) = (count.load(Ordering::SeqCst), Instant::now());
    while count.load(Ordering::SeqCst) < before + more {
        assert!(began.elapsed() < PATIENCE, "no answers any more");
        tokio::task::yield_now().await;
    }
}

/// What is wrong with the acknowledged commands: lost, or at another sequence, or carried out twice.
async fn mistakes(handle: &Handle, acknowledged: &BTreeMap<u64, u64>) -> Vec<String> {
    let mut found = Vec::new();
    for (mark, sequence) in acknowledged {
        match handle.execute(request(command(*mark), Some(*mark))).await {
            Ok(Outcome::Repeated { sequence: known }) if known == *sequence => {}
            other => found.push(format!("{mark} at {sequence}: {other:?}")),
        }
    }
    for sequence in 1..=handle.root().sequence {
        let entry = handle.history().entry(sequence).await.unwrap();
        let is_known = acknowledged.values().any(|known| *known == sequence);
        if entry.actor.kind == ActorKind::Author && !is_known {
            found.push(format!("{sequence} is of no command"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_survive_a_database_killed_at_any_moment() {
    let server = Server::start(&[]);
    let place = Place::on(&server).await;
    let mut leader = Node::begin(&place).await;
    let (current, seen) = watch::channel(Some(leader.handle.clone()));
    let count = Arc::<AtomicU64>::default();
    let workers: Vec<JoinHandle<_>> = (0..WORKERS)
        .map(|worker| tokio::spawn(work(worker, seen.clone(), Arc::clone(&count))))
        .collect();
    for kill in 0..KILLS {
        let more = rand::rng().random_range(5..60);
        println!("kill {kill} after {more} more answers");
        wait_for_more(&count, more).await;
        tokio::task::block_in_place(|| {
            server.kill();
            server.start_again();
        });
        // The leader finds out what its last append has done. At every second kill another one does.
        if kill % 2 == 1 {
            let next = Following::begin(&place).await.lead().await;
            let deposed = std::mem::replace(&mut leader, next);
            current.send_replace(Some(leader.handle.clone()));
            deposed.stop().await;
        }
    }
    wait_for_more(&count, 10).await;
    current.send_replace(None);
    let mut acknowledged = BTreeMap::new();
    for worker in workers {
        acknowledged.extend(worker.await.unwrap());
    }
    assert!(acknowledged.len() as u64 >= 5 * u64::from(KILLS));
    assert_eq!(
        mistakes(&leader.handle, &acknowledged).await,
        Vec::<String>::new()
    );
    worlds::check_same(&place, &leader.handle, Vec::new()).await;
    assert_eq!(place.violations(), Vec::<String>::new());
    leader.stop().await;
}

/// The control: a database that acknowledges commits before they are durable loses some.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_wait_loses_commands() {
    let server = Server::start(&["wal_writer_delay=10s"]);
    for _ in 0..10 {
        let place = Place::on(&server).await;
        place.sql(
            "CREATE FUNCTION public.hurry() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM set_config('synchronous_commit', 'off', true); RETURN NEW; END $$;
             CREATE TRIGGER hurry BEFORE INSERT ON aftercall.log FOR EACH ROW EXECUTE FUNCTION public.hurry()",
        );
        let leader = Node::begin(&place).await;
        let mut acknowledged = BTreeMap::new();
        for mark in 1..=10 {
            acknowledged.insert(mark, leader.commit(command(mark)).await);
        }
        leader.cut_off();
        tokio::task::block_in_place(|| {
            server.kill();
            server.start_again();
        });
        if worlds::opened(&place).await.sequence < acknowledged.len() as u64 {
            return;
        }
    }
    panic!("nothing was lost");
}
