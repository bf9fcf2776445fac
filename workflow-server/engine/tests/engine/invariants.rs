//! Property tests: after any commands in any order, the World keeps its invariants, and every index
//! is equal to a rebuilt one.

mod entries;
mod worlds;

use std::sync::Arc;

use aftercall_definition::testing::definitions;
use aftercall_definition::time::Time;
use aftercall_engine::entry::{After, Entry};
use aftercall_engine::instance::{Instance, Status};
use aftercall_engine::testing::{Player, steps};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Request, decide};
use proptest::prelude::*;

use crate::erasures::names_all_calls;
use crate::invariants::entries::errors_of_entry;
use crate::invariants::worlds::errors_of_world;

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_commands_on_any_definitions_keep_the_invariants(
        workflows in proptest::collection::vec(definitions(), 1..3),
        steps in steps(120),
    ) {
        let mut player = Player::new(workflows);
        let mut world = World::new(Keeping::default());
        let play = |requests: Vec<Request>, world: &mut World, now: Time, refusals: bool| {
            for request in requests {
                match decide(world, &request, now) {
                    Ok(Decision::Commit(entry)) => {
                        prop_assert_eq!(errors_of_entry(world, &entry), Vec::<String>::new());
                        prop_assert!(names_all_calls(world, &request, &entry), "{:?}", request.command);
                        world.apply(&entry).unwrap();
                        prop_assert_eq!(errors_of_world(world), Vec::<String>::new(), "after {:?}", entry.kind);
                        if let Some(mark) = request.mark {
                            let again = decide(world, &request, now);
                            prop_assert_eq!(again, Ok(Decision::Repeat { sequence: entry.sequence }), "{:?}", mark);
                        }
                    }
                    Ok(Decision::Repeat { sequence }) => prop_assert!(sequence <= world.root().sequence),
                    Ok(Decision::Unchanged(_)) => {}
                    Err(rejection) => prop_assert!(refusals, "the opening was refused: {rejection:?}"),
                }
            }
            Ok(())
        };
        play(player.opening(), &mut world, player.now(), false)?;
        for step in &steps {
            let requests = player.requests(step, &world);
            play(requests, &mut world, player.now(), true)?;
        }
    }
}

/// A World with one instance of the refund sample, and the entry that set it.
fn set_once() -> (World, Entry) {
    let file = include_str!("../../../../examples/refund.yaml");
    let definition = aftercall_authoring::file::read(file, None).unwrap();
    let mut player = Player::new(vec![definition]);
    let mut world = World::new(Keeping::default());
    let set = aftercall_engine::testing::Step::Set {
        call: 1,
        workflow: any_index(),
        if_running: 0,
        release: None,
        chargeable: Some(true),
    };
    let mut requests = player.opening();
    for request in requests.drain(..) {
        let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) else {
            continue;
        };
        world.apply(&entry).unwrap();
    }
    let request = player.requests(&set, &world).remove(0);
    let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) else {
        panic!("it is set")
    };
    (world, *entry)
}

fn any_index() -> proptest::sample::Index {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    any::<proptest::sample::Index>()
        .new_tree(&mut runner)
        .unwrap()
        .current()
}

#[test]
fn the_checks_find_an_entry_that_breaks_an_invariant() {
    type Mutation = fn(&mut Instance);
    let mutations: [(&str, Mutation); 4] = [
        ("finished with its alerts", |one| {
            one.status = Status::Finished;
        }),
        ("active without its alerts", |one| {
            one.alerts = Box::default();
        }),
        ("in a stage that was never visited", |one| one.stage += 1),
        ("ended without a time", |one| one.ended_at = Some(Time(1))),
    ];
    for (what, mutate) in mutations {
        let (mut world, mut entry) = set_once();
        assert_eq!(errors_of_entry(&world, &entry), Vec::<String>::new());
        let mut mutated = Instance::clone(entry.instances[0].after.whole().unwrap());
        mutate(&mut mutated);
        entry.instances[0].after = After::Whole(Arc::new(mutated));
        world.apply(&entry).unwrap();
        assert!(!errors_of_world(&world).is_empty(), "{what}");
    }
}

#[test]
fn the_checks_find_a_skipped_revision_or_sequence() {
    let (world, entry) = set_once();
    let mut skipped = entry.clone();
    skipped.sequence += 1;
    assert!(!errors_of_entry(&world, &skipped).is_empty());
    let mut twice = entry.clone();
    twice.instances.push(entry.instances[0].clone());
    assert!(!errors_of_entry(&world, &twice).is_empty());
}
