//! The journal is the truth. Its replay gives the same World, byte for byte. A snapshot with the
//! entries after it does too.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::testing::definitions;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::entry::{After, Answer, ChangeKind, Details, InstanceChange};
use aftercall_engine::instance::Instance;
use aftercall_engine::testing::{Player, Step, steps};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Entry, decide};
use proptest::prelude::*;
use prost::Message as _;
use workflow_server::records::v1::EntryRecord;
use workflow_server::records::{
    GroupBytes, SnapshotReader, WorldImage, decode_group, encode_world, pack_entries,
    snapshot_frames, unpack_entries,
};

/// Few enough request ids that the oldest are forgotten during the test.
const KEEPING: Keeping = Keeping {
    request_ids_millis: 400_000_000,
    request_ids_max: 20,
};

fn live(workflows: Vec<Definition>, steps: &[Step]) -> (World, Vec<Entry>) {
    let mut player = Player::new(workflows);
    let (mut world, mut entries) = (World::new(KEEPING), Vec::new());
    let mut carry_out = |requests, world: &mut World, now| {
        for request in requests {
            if let Ok(Decision::Commit(entry)) = decide(world, &request, now) {
                world.apply(&entry).unwrap();
                entries.push(*entry);
            }
        }
    };
    carry_out(player.opening(), &mut world, player.now());
    for step in steps {
        let requests = player.requests(step, &world);
        carry_out(requests, &mut world, player.now());
    }
    (world, entries)
}

/// Reads the entries back from groups of `size`.
fn read_back(entries: &[Entry], size: usize) -> Vec<Entry> {
    let (mut chain, mut read) = (0, Vec::new());
    for some in entries.chunks(size) {
        let mut group = GroupBytes::new(chain);
        let after = some.iter().fold(chain, |_, entry| group.push(entry));
        read.extend(
            decode_group(&group.into_bytes(), chain, after)
                .unwrap()
                .into_iter()
                .map(|linked| linked.entry),
        );
        chain = after;
    }
    read
}

/// Whether the stored form of an entry is what its record encodes to.
fn is_that_of_the_record(entry: &Entry) -> bool {
    let mut group = GroupBytes::new(0);
    group.push(entry);
    let stored = &group.into_bytes()[1..];
    EntryRecord::decode_length_delimited(stored)
        .unwrap()
        .encode_length_delimited_to_vec()
        == stored
}

/// The size of an entry that has only this instance.
fn stored_bytes(entry: &Entry, instance: &Arc<Instance>) -> usize {
    let change = InstanceChange {
        kind: ChangeKind::CallUpdated,
        after: After::Whole(instance.clone()),
        before: None,
        entered: Box::default(),
        warnings: Box::default(),
        rewritten: Box::default(),
    };
    let actor = Actor {
        kind: ActorKind::Timer,
        name: "".into(),
        subject: None,
    };
    let (details, answer) = (Details::default(), Answer::Done);
    let alone = Entry {
        actor,
        mark: None,
        details,
        answer,
        call: None,
        instances: vec![change],
        ..entry.clone()
    };
    let mut group = GroupBytes::new(0);
    group.push(&alone);
    group.len()
}

fn from_snapshot(world: &World) -> World {
    let mut reader = SnapshotReader::new(KEEPING);
    snapshot_frames(&WorldImage::take(world, 0), |frame| reader.frame(&frame)).unwrap();
    reader.finish().unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn replaying_the_journal_gives_the_same_world(
        workflows in proptest::collection::vec(definitions(), 1..3),
        steps in steps(100),
        size in 1..20_usize,
        cut in any::<proptest::sample::Index>(),
    ) {
        let (world, entries) = live(workflows, &steps);
        let read = read_back(&entries, size);
        prop_assert_eq!(&read, &entries);
        for entry in &entries {
            prop_assert!(is_that_of_the_record(entry), "{entry:?} is written otherwise");
            for instance in entry.instances.iter().filter_map(|change| change.after.whole()) {
                prop_assert!(stored_bytes(entry, instance) <= instance.bytes(), "its stored form is larger than estimated");
            }
        }
        let packed = unpack_entries(&pack_entries(entries.iter()).unwrap()).unwrap();
        prop_assert_eq!(&packed, &entries);
        let cut = cut.index(read.len());
        let mut replayed = World::new(KEEPING);
        for entry in &read[..cut] {
            replayed.apply(entry).unwrap();
        }
        let mut resumed = from_snapshot(&replayed);
        for entry in &read[cut..] {
            replayed.apply(entry).unwrap();
            resumed.apply(entry).unwrap();
        }
        let expected = encode_world(&world);
        prop_assert!(encode_world(&replayed) == expected, "the replayed World differs");
        prop_assert!(encode_world(&resumed) == expected, "the World from a snapshot and the entries after it differs");
        prop_assert!(resumed.timers() == world.timers());
    }
}

#[test]
fn a_world_that_differs_in_one_entry_has_other_bytes() {
    let played = crate::scenario::play();
    let mut short = World::new(Keeping::default());
    for entry in &played.entries[..played.entries.len() - 1] {
        short.apply(entry).unwrap();
    }
    assert!(encode_world(&short) != encode_world(&played.world));
    let skipped = &played.entries[1];
    assert!(
        World::new(Keeping::default()).apply(skipped).is_err(),
        "an entry is never skipped"
    );
}
