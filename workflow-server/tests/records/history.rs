//! The list of history chunks, after the scenario: packed, rewritten and removed.

use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, PackHistory, RewriteHistory};
use aftercall_engine::history::{HistoryChange, HistoryChunk};
use aftercall_engine::world::Keeping;
use aftercall_engine::{Decision, Request, decide};
use workflow_server::records::{GroupBytes, SnapshotReader, decode_group};

use crate::samples::{ENTRIES_TEAMS, SNAPSHOT_TEAMS, stored};
use crate::scenario::Played;
use crate::teams::play_teams;

fn chunk(first: u64, last: u64, generation: u32, term: u64) -> HistoryChunk {
    HistoryChunk {
        first,
        last,
        generation,
        term,
    }
}

/// Packs three chunks, rewrites one and removes another.
pub(crate) fn play_history() -> Played {
    let mut played = play_teams();
    let pack = |put: &[HistoryChunk]| {
        Command::from(PackHistory(HistoryChange {
            put: put.into(),
            ..HistoryChange::default()
        }))
    };
    let server = ActorKind::Server;
    played.ask(server, pack(&[chunk(1, 10, 0, 1), chunk(11, 25, 0, 1)]));
    played.ask(server, pack(&[chunk(26, 40, 0, 3)]));
    let rewritten = HistoryChange {
        put: [chunk(11, 25, 1, 3)].into(),
        removed: [10].into(),
    };
    played.ask(server, Command::from(RewriteHistory(rewritten)));
    let chunks = &played.world.root().history.chunks;
    assert_eq!(
        chunks.values().copied().collect::<Vec<_>>(),
        [chunk(11, 25, 1, 3), chunk(26, 40, 0, 3)]
    );
    played
}

#[test]
fn a_change_that_does_not_fit_the_list_changes_nothing() {
    let played = play_history();
    let root = played.world.root();
    let changes = [
        HistoryChange {
            put: [chunk(41, root.sequence + 1, 0, 3)].into(),
            ..HistoryChange::default()
        },
        HistoryChange {
            put: [chunk(42, 41, 0, 3)].into(),
            ..HistoryChange::default()
        },
        HistoryChange {
            removed: [10].into(),
            ..HistoryChange::default()
        },
    ];
    for change in changes {
        let request = Request {
            actor: played.entries.last().unwrap().actor.clone(),
            mark: None,
            salt: 0,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command: Command::from(PackHistory(change.clone())),
        };
        let decided = decide(&played.world, &request, root.at);
        assert!(
            matches!(decided, Ok(Decision::Unchanged(_))),
            "{change:?}: {decided:?}"
        );
    }
}

#[test]
fn old_records_load_with_an_empty_list() {
    let mut reader = SnapshotReader::new(Keeping::default());
    for frame in stored(SNAPSHOT_TEAMS) {
        reader.frame(&frame).unwrap();
    }
    let (mut world, _) = reader.finish().unwrap();
    assert!(world.root().history.chunks.is_empty());
    let played = play_history();
    for (bytes, entry) in stored(ENTRIES_TEAMS).iter().zip(&played.entries) {
        let mut group = GroupBytes::new(0);
        let chain = group.push(entry);
        assert_eq!(
            decode_group(bytes, 0, chain).unwrap()[0].entry.history,
            None
        );
    }
    // The list begins with the first entry that changes it.
    let before = world.root().sequence as usize;
    for entry in &played.entries[before..] {
        world.apply(entry).unwrap();
    }
    assert_eq!(
        world.root().history.chunks,
        played.world.root().history.chunks
    );
}
