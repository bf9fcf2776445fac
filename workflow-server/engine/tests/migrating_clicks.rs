//! What people clicked while they saw an instance on one version never lands on something else of another version.

#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use aftercall_engine::command::{Actor, ActorKind, Command, MigrateInstance, Request};
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::testing::{AMENDMENTS, Player, Step, clicks, definitions};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, decide};
use proptest::prelude::*;
use proptest::sample::Index;

/// A World in which arbitrary steps are played.
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

    /// To the newest version, in the stage that the instance is in or in another one.
    fn migrate(&mut self, instance: InstanceId, elsewhere: Option<Index>) {
        let workflow = self.world.root().workflows.by_place().next().unwrap();
        let (version, present) = (workflow.newest(), self.world.root().instance(instance).unwrap().stage);
        let stages = &workflow.version(version).unwrap().definition.stages;
        let stages = elsewhere.map(|stage| (present, stage.get(stages).number)).into_iter().collect();
        let asked = MigrateInstance { instance, version, stages, reason: "a new form".into() };
        let actor = Actor { kind: ActorKind::Operations, name: "ops".into() };
        let command = Command::MigrateInstance(Box::new(asked), None);
        self.ask(&Request { actor, mark: None, salt: 0, known: None, command });
    }

    /// The instance as it would be after a click, if the click is accepted.
    fn after(&self, click: &Request) -> Option<Instance> {
        match decide(&self.world, click, self.player.now()) {
            Ok(Decision::Commit(entry)) => Some(Instance::clone(entry.instances[0].after.whole().unwrap())),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What a click is aimed at and does, as far as the person can see it.
fn aim(click: &Request, shown: &Instance, after: &Instance) -> String {
    let action = match &click.command {
        Command::AcknowledgeAlert { alert, .. } => alert.action,
        Command::SnoozeAlert(snooze) => snooze.alert.action,
        _ => return format!("leads to stage {}, ends with {:?}", after.stage, after.ending),
    };
    let alert = shown.alerts.iter().find(|alert| alert.action == action).unwrap();
    format!("{:?} for {} at {:?}, due {:?}", alert.text, alert.team, alert.priority, alert.due)
}

/// An instance in an arbitrary stage of one version, and another version of its workflow.
fn standing(desk: &mut Desk, pushes: &[Index], first: u8, stage: Index) -> Option<InstanceId> {
    desk.publish(first, stage);
    let workflow = stage;
    desk.play(&Step::Set { call: 1, workflow, if_running: 0, release: None, chargeable: Some(true) });
    for button in pushes {
        desk.play(&Step::Push { instance: stage, button: *button, stale: 0, careless: false });
    }
    desk.world.root().instance_at(0).filter(|one| !one.status.is_ended()).map(|one| one.id)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn a_click_from_before_a_migration_is_refused_or_does_what_the_person_saw(
        definition in definitions(),
        first in prop_oneof![Just(0), 0..AMENDMENTS],
        second in 0..AMENDMENTS,
        stage in any::<Index>(),
        pushes in proptest::collection::vec(any::<Index>(), 0..6),
        (paused, elsewhere) in (proptest::bool::weighted(0.1), proptest::option::weighted(0.2, any::<Index>())),
    ) {
        let mut desk = Desk { player: Player::new(vec![definition]), world: World::new(Keeping::default()) };
        for request in desk.player.opening() {
            desk.ask(&request);
        }
        let Some(id) = standing(&mut desk, &pushes, first, stage) else { return Ok(()) };
        if paused {
            desk.play(&Step::Pause(stage, None));
        }
        let shown = Instance::clone(desk.world.root().instance(id).unwrap());
        let seen: Vec<(Request, Instance)> = clicks(&desk.world, &shown)
            .into_iter()
            .filter_map(|click| desk.after(&click).map(|after| (click, after)))
            .collect();
        desk.publish(second, stage);
        desk.migrate(id, elsewhere);
        let migrated = Instance::clone(desk.world.root().instance(id).unwrap());
        for (click, meant) in seen {
            if let Some(done) = desk.after(&click) {
                let is_aimed = aim(&click, &migrated, &done);
                prop_assert_eq!(aim(&click, &shown, &meant), is_aimed, "{:?}", click.command);
            }
        }
    }
}
