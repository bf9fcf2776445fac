//! Changes by the server itself, after the scenario.

use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{ArchiveCalls, Command};
use aftercall_engine::query::archivable;

use crate::scenario::Played;
use crate::teams::play_teams;

/// Moves a call to the archive.
pub(crate) fn play_server() -> Played {
    let mut played = play_teams();
    let root = played.world.root();
    let file = root.archive.newest_file + 1;
    let calls = archivable(root, 0, Time(1_995_000_000_000), 1).calls;
    assert_eq!(calls.len(), 1);
    played.ask(
        ActorKind::Server,
        Command::from(ArchiveCalls { file, calls }),
    );
    played
}
