//! Changes by people and operations who have proved who they are, after the scenario.

use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{ClaimInstance, Command, EraseCaller};
use aftercall_engine::erasure::ErasedCall;

use crate::hands::play_hands;
use crate::scenario::{Played, key, setting};

/// Claims a follow-up, and starts a batch and an erasure, which a snapshot then has.
pub(crate) fn play_owners() -> Played {
    let mut played = Played {
        subject: Some("https://sso.example.com#u-1".into()),
        ..play_hands()
    };
    let set = Command::from(setting("owned", false));
    let instance = played.ask(ActorKind::ScriptEngine, set);
    let script = played.entries.last().expect("an entry");
    assert_eq!(script.actor.subject, None);
    let claim = ClaimInstance {
        instance,
        lease_millis: 900_000,
    };
    played.ask(ActorKind::Person, Command::from(claim));
    let start = StartBatch {
        work: BatchWork::Cancel,
        items: BatchItems::named([instance]),
        reason: "a drill".into(),
        per_second: 10,
    };
    played.ask(ActorKind::Operations, Command::from(start));
    let of_call = ErasedCall {
        key: key("owned"),
        created_at: Time(played.now),
        instances: [instance].into(),
    };
    let erase = EraseCaller {
        customer: "acme".into(),
        reason: "by letter".into(),
        calls: vec![of_call],
        look: None,
        newest_file: played.world.root().archive.newest_file,
        is_of_restore: false,
    };
    played.ask(ActorKind::Operations, Command::from(erase));
    played
}
