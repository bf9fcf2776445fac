//! Tests that a click never does something else than what the person saw. Meanwhile anything may
//! happen: pushes, other versions, chases and hand-overs.

use aftercall_definition::testing::{AMENDMENTS, definitions};
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{Command, DeskCommand, HandOver, MigrateInstance, Request};
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::recipient::Recipient;
use aftercall_engine::testing::{Player, Step, clicks};
use aftercall_engine::world::definitions::Workflow;
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, decide};
use proptest::prelude::*;
use proptest::sample::Index;

/// A World that plays arbitrary steps.
struct Desk {
    player: Player,
    world: World,
}

impl Desk {
    fn play(&mut self, step: &Step) {
        for request in self.player.requests(step, &self.world) {
            self.ask(&request);
        }
    }

    fn ask(&mut self, request: &Request) {
        if let Ok(Decision::Commit(entry)) = decide(&self.world, request, self.player.now()) {
            self.world.apply(&entry).unwrap();
        }
    }

    fn publish(&mut self, how: u8, stage: Index) {
        self.play(&Step::Publish(stage, how, stage));
    }

    fn workflow(&self) -> &Workflow {
        self.world.root().workflows.by_place().next().unwrap()
    }

    /// Migrates an instance and keeps its stage, or moves it to another one.
    fn migrate(&mut self, instance: InstanceId, version: u32, elsewhere: Option<Index>) {
        let (workflow, present) = (
            self.workflow(),
            self.world.root().instance(instance).unwrap().stage,
        );
        let stages = &workflow.version(version).unwrap().definition.stages;
        let stages = elsewhere
            .map(|stage| (present, stage.get(stages).number))
            .into_iter()
            .collect();
        let asked = MigrateInstance {
            instance,
            version,
            stages,
            reason: "a new form".into(),
            expected: None,
        };
        let actor = Actor {
            kind: ActorKind::Operations,
            name: "ops".into(),
            subject: None,
        };
        let command = Command::from(asked);
        self.ask(&Request {
            actor,
            mark: None,
            salt: 0,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command,
        });
    }

    /// The instance as it would be after a click, if the click is accepted.
    fn after(&self, click: &Request) -> Option<Instance> {
        match decide(&self.world, click, self.player.now()) {
            Ok(Decision::Commit(entry)) => {
                Some(Instance::clone(entry.instances[0].after.whole().unwrap()))
            }
            Ok(_) | Err(_) => None,
        }
    }
}

/// The target and the effect of a click, as far as the person can see them.
fn aim(click: &Request, shown: &Instance, after: &Instance) -> String {
    let (seen, does) = (
        &shown.alerts,
        format!(
            "leads to stage {}, ends with {:?}",
            after.stage, after.ending
        ),
    );
    let action = match &click.command {
        Command::Desk(DeskCommand::AcknowledgeAlert(asked)) => asked.alert.action,
        Command::Desk(DeskCommand::SnoozeAlert(snooze)) => snooze.alert.action,
        _ => return format!("in stage {}: {does}", shown.stage),
    };
    let alert = seen.iter().find(|alert| alert.action == action).unwrap();
    format!(
        "{:?} for {} at {:?}, due {:?}",
        alert.text, alert.team, alert.priority, alert.due
    )
}

/// Something that happens between a person's look and their click.
#[derive(Clone, Debug)]
enum Turn {
    Push(Index),
    /// A new version, and a migration to it, in the same stage or another one.
    Amend(u8, Index, Option<Index>),
    /// A migration to an existing version.
    Return(Index),
    Chase,
    /// A hand-over to a team.
    HandOver(u8),
    Pause,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let amend = (
        0..AMENDMENTS,
        any::<Index>(),
        proptest::option::weighted(0.2, any::<Index>()),
    );
    let turn = prop_oneof![
        4 => any::<Index>().prop_map(Turn::Push),
        3 => amend.prop_map(|(how, stage, elsewhere)| Turn::Amend(how, stage, elsewhere)),
        // This kind of amendment is the reason why clicks name their stage.
        2 => any::<Index>().prop_map(|stage| Turn::Amend(13, stage, None)),
        1 => any::<Index>().prop_map(Turn::Return),
        1 => Just(Turn::Chase),
        1 => (0..3_u8).prop_map(Turn::HandOver),
        1 => Just(Turn::Pause),
    ];
    proptest::collection::vec(turn, 1..9)
}

impl Desk {
    fn turn(&mut self, instance: InstanceId, turn: &Turn, any: Index) {
        match turn {
            Turn::Push(button) => {
                self.play(&Step::Push {
                    instance: any,
                    button: *button,
                    stale: 0,
                    careless: false,
                });
            }
            Turn::Amend(how, stage, elsewhere) => {
                self.publish(*how, *stage);
                let newest = self.workflow().newest();
                self.migrate(instance, newest, *elsewhere);
            }
            Turn::Return(version) => {
                let version = version.index(self.workflow().newest() as usize) as u32 + 1;
                self.migrate(instance, version, None);
            }
            Turn::Chase => self.play(&Step::Chase(any)),
            Turn::HandOver(team) => {
                let to = Recipient::Team {
                    team: u32::from(*team),
                };
                let actor = Actor {
                    kind: ActorKind::Operations,
                    name: "ops".into(),
                    subject: None,
                };
                let command = Command::from(HandOver {
                    instance,
                    to,
                    reason: "holidays".into(),
                });
                self.ask(&Request {
                    actor,
                    mark: None,
                    salt: 0,
                    known: None,
                    acts_for: None,
                    reach: aftercall_engine::Reach::EVERYTHING,
                    command,
                });
            }
            Turn::Pause => self.play(&Step::Pause(any, None)),
        }
    }
}

/// The clicks that are accepted now, each with its effect.
fn accepted(desk: &Desk, clicks: impl IntoIterator<Item = Request>) -> Vec<(Request, Instance)> {
    clicks
        .into_iter()
        .filter_map(|click| desk.after(&click).map(|after| (click, after)))
        .collect()
}

/// The clicks with and without the number of the stage, because clients may leave it out.
fn all_clicks(desk: &Desk, shown: &Instance) -> Vec<Request> {
    let named = |mut click: Request| {
        let Command::Desk(DeskCommand::PushButton(push)) = &mut click.command else {
            return None;
        };
        push.stage = Some(shown.stage);
        Some(click)
    };
    let clicks = clicks(&desk.world, shown);
    clicks
        .iter()
        .cloned()
        .filter_map(named)
        .chain(clicks.iter().cloned())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn an_old_click_is_rejected_or_does_as_shown(
        definition in definitions(),
        turns in turns(),
        any in any::<Index>(),
    ) {
        let mut desk = Desk { player: Player::new(vec![definition]), world: World::new(Keeping::default()) };
        for request in desk.player.opening() {
            desk.ask(&request);
        }
        desk.publish(0, any);
        desk.play(&Step::Set { call: 1, workflow: any, if_running: 0, release: None, chargeable: Some(true) });
        let Some(id) = desk.world.root().instance_at(0).map(|one| one.id) else { return Ok(()) };
        let mut seen: Vec<(Request, String)> = Vec::new();
        for turn in turns {
            let shown = Instance::clone(desk.world.root().instance(id).unwrap());
            let meant = accepted(&desk, all_clicks(&desk, &shown)).into_iter();
            seen.extend(meant.map(|(click, after)| { let aim = aim(&click, &shown, &after); (click, aim) }));
            desk.turn(id, &turn, any);
            let present = Instance::clone(desk.world.root().instance(id).unwrap());
            for (click, meant) in &seen {
                if let Some(done) = desk.after(click) {
                    prop_assert_eq!(meant, &aim(click, &present, &done), "{:?}", click.command);
                }
            }
        }
    }
}
