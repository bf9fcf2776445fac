//! Compares the Worlds of several processes, byte for byte.

use std::convert::Infallible;
use std::time::Instant;

use aftercall_engine::Root;
use arc_swap::ArcSwap;
use workflow_server::journal::postgres::PostgresStore;
use workflow_server::ledger::{Follower, Handle};
use workflow_server::records::{WorldImage, snapshot_frames};

use super::place::Place;
use crate::support::{PATIENCE, options};

/// A World as a snapshot has it, without the ids of requests.
pub(super) fn bytes(root: &Root) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written: Result<(), Infallible> =
        snapshot_frames(&WorldImage::of_root(root.clone()), |frame| {
            bytes.extend(frame);
            Ok(())
        });
    written.unwrap_or_else(|never| match never {});
    bytes
}

/// The World as a new process reads it: a snapshot, and the entries after it.
pub(super) async fn opened(place: &Place<'_>) -> std::sync::Arc<Root> {
    let store = PostgresStore::open(&place.address(place.port())).await;
    let mut follower = Follower::begin(&store.unwrap(), options()).await.unwrap();
    while follower.advance().await.unwrap() {}
    follower.root()
}

/// Checks that a leader, its followers and a new process have the same World. The keeper may add
/// entries at any time, so this waits until all are at one sequence.
pub(super) async fn check_same(place: &Place<'_>, leader: &Handle, followers: Vec<&ArcSwap<Root>>) {
    let began = Instant::now();
    loop {
        let mut roots: Vec<_> = followers.iter().map(|one| one.load_full()).collect();
        roots.push(opened(place).await);
        let expected = leader.root();
        if roots.iter().all(|root| root.sequence == expected.sequence) {
            let expected = bytes(&expected);
            assert!(!expected.is_empty());
            for root in roots {
                assert!(bytes(&root) == expected, "two members differ");
            }
            return;
        }
        assert!(began.elapsed() < PATIENCE, "a member stays behind");
    }
}
