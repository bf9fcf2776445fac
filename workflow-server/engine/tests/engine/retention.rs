//! Tests that only a confirmation by operations makes a retention shorter.

use aftercall_authoring::file;
use aftercall_definition::time::{Span, SpanUnit, Time};
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{
    Command, ConfirmRetention, ImportWorkflow, PublishWorkflow, Request,
};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::world::definitions::Workflow;
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Rejection, decide};
use proptest::prelude::*;

fn ask(world: &mut World, command: Command) -> Result<Option<ChangeKind>, Rejection> {
    let actor = Actor {
        kind: ActorKind::Operations,
        name: "Olga".into(),
        subject: None,
    };
    match decide(
        world,
        &Request {
            actor,
            mark: None,
            salt: 0,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command,
        },
        Time(1),
    )? {
        Decision::Commit(entry) => {
            world.apply(&entry).unwrap();
            Ok(Some(entry.kind))
        }
        _ => Ok(None),
    }
}

fn publish(world: &mut World, retention: Option<u32>) {
    let retention = retention.map_or_else(String::new, |days| format!("retention: {days}d"));
    let text =
        format!("format: 1\nworkflow: w\ntitle: W\n{retention}\non_new_call: [ finish: done ]\n");
    let definition = Box::new(file::read(&text, None).unwrap());
    ask(
        world,
        Command::from(ImportWorkflow {
            definition,
            expected: None,
        }),
    )
    .unwrap();
    ask(
        world,
        Command::from(PublishWorkflow {
            name: "w".into(),
            expected: None,
            validated: None,
        }),
    )
    .unwrap();
}

fn newest(world: &World) -> u32 {
    world.root().workflows.named("w").unwrap().newest()
}

/// The retention in force. `default` is the default of the server in days.
fn in_force(world: &World, default: u32) -> i64 {
    let default = Span {
        amount: default,
        unit: SpanUnit::Days,
    };
    let counted = world
        .root()
        .workflows
        .named("w")
        .into_iter()
        .flat_map(Workflow::retentions);
    counted
        .map(|own| own.unwrap_or(default).millis())
        .max()
        .unwrap_or(default.millis())
}

proptest! {
    #[test]
    fn only_a_confirmation_makes_a_retention_shorter(
        steps in proptest::collection::vec(proptest::option::of(proptest::option::of(1..6_u32)), 1..20),
        default in 1..6_u32,
    ) {
        let mut world = World::new(Keeping::default());
        publish(&mut world, None);
        for step in steps {
            let before = in_force(&world, default);
            match step {
                Some(retention) => {
                    publish(&mut world, retention);
                    let asked = i64::from(retention.unwrap_or(default)) * 86_400_000;
                    prop_assert_eq!(in_force(&world, default), before.max(asked));
                }
                None => {
                    let version = newest(&world);
                    ask(&mut world, Command::from(ConfirmRetention { workflow: "w".into(), version })).unwrap();
                    let asked = world.root().workflows.named("w").unwrap().version(version).unwrap().definition.retention;
                    let asked = asked.map_or(i64::from(default) * 86_400_000, Span::millis);
                    prop_assert_eq!(in_force(&world, default), asked);
                }
            }
        }
    }
}

#[test]
fn only_the_newest_version_is_confirmed_and_once() {
    let mut world = World::new(Keeping::default());
    let confirm = |version| {
        Command::from(ConfirmRetention {
            workflow: "w".into(),
            version,
        })
    };
    assert_eq!(
        ask(&mut world, confirm(1)),
        Err(Rejection::NoSuchWorkflow("w".into()))
    );
    publish(&mut world, Some(90));
    publish(&mut world, Some(9));
    assert_eq!(
        ask(&mut world, confirm(1)),
        Err(Rejection::NotTheNewestVersion { newest: 2 })
    );
    assert_eq!(
        ask(&mut world, confirm(2)),
        Ok(Some(ChangeKind::RetentionConfirmed))
    );
    assert_eq!(ask(&mut world, confirm(2)), Ok(None));
}
