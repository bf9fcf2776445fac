//! Arbitrary commands in an arbitrary order, for property tests: what call scripts, people,
//! operations and time do.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::testing::{AMENDMENTS, TEAMS, amended};
use aftercall_definition::time::{Span, SpanUnit, Time};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::commands::{
    archive, batch, claim_next, declaring, erase, finishing, holding, instance, migrate, office,
    person, publishing, push, replace, seen, snoozing, somebody, step_erasure,
};
use super::scripts::script_command;
use super::step::Step;
use crate::actor::{Actor, ActorKind};
use crate::command::{
    AcceptClock, AcknowledgeAlert, AddNote, CancelInstance, Command, ConfirmPurge,
    ConfirmRetention, Elapse, EraseCaller, ImportCalendar, ImportTeam, MoveInstance, PauseInstance,
    Request, RequestMark, ResumeInstance, StepBatch, UndoPush,
};
use crate::filter::FollowUpFilter;
use crate::instance::{Instance, Status};
use crate::world::World;
use crate::world::definitions::Workflow;

/// Steps of all kinds; pushes and time are the most frequent ones.
pub fn steps(at_most: usize) -> impl Strategy<Value = Vec<Step>> {
    let set = (
        0..4_u8,
        any::<Index>(),
        0..3_u8,
        any::<Option<Option<u16>>>(),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(call, workflow, if_running, release, chargeable)| Step::Set {
                call,
                workflow,
                if_running,
                release,
                chargeable,
            },
        );
    let update = (0..4_u8, any::<Option<bool>>(), any::<Option<u8>>()).prop_map(
        |(call, chargeable, customer)| Step::Update {
            call,
            chargeable,
            customer,
        },
    );
    let push = (
        any::<Index>(),
        any::<Index>(),
        prop_oneof![9 => Just(0), 1 => 1..3_u8],
        prop::bool::weighted(0.1),
    )
        .prop_map(|(instance, button, stale, careless)| Step::Push {
            instance,
            button,
            stale,
            careless,
        });
    let step = prop_oneof![
        4 => set,
        2 => update,
        2 => (0..4_u8).prop_map(Step::End),
        8 => push,
        1 => any::<Index>().prop_map(Step::Note),
        2 => (any::<Index>(), 0..3_u8, proptest::bool::weighted(0.1))
            .prop_map(|(at, action, stale)| Step::Acknowledge(at, action, stale)),
        4 => (any::<Index>(), 0..3_u8, 0..6_u8, 1..2_000_u16)
            .prop_map(|(at, who, what, minutes)| Step::Hold(at, who, what, minutes)),
        2 => (0..3_u8, 1..2_000_u16).prop_map(|(who, minutes)| Step::Next(who, minutes)),
        2 => (any::<Index>(), 0..3_u8, 0..3_u8, 0..2_000_u16)
            .prop_map(|(at, action, who, minutes)| Step::Snooze(at, action, who, minutes)),
        2 => (any::<Index>(), proptest::option::of(1..2_000_u16)).prop_map(|(at, minutes)| Step::Pause(at, minutes)),
        2 => any::<Index>().prop_map(Step::Resume),
        2 => (any::<Index>(), 0..3_u8).prop_map(|(at, who)| Step::Finish(at, who)),
        2 => any::<bool>().prop_map(Step::Undo),
        1 => any::<Index>().prop_map(Step::Chase),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(at, stage)| Step::Move(at, stage)),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, version)| Step::Migrate(at, version)),
        1 => (0..7_u8, prop::bool::weighted(0.2)).prop_map(|(work, stop)| Step::Batch(work, stop)),
        3 => Just(Step::StepBatch),
        2 => (0..3_000_u16, 1..4_u8).prop_map(|(minutes, calls)| Step::Archive(minutes, calls)),
        1 => any::<bool>().prop_map(Step::Replace),
        1 => (0..3_u8).prop_map(Step::ConfirmPurge),
        2 => (0..6_u8).prop_map(Step::Erase),
        2 => Just(Step::StepErasure),
        1 => any::<Index>().prop_map(Step::Withdraw),
        1 => any::<Index>().prop_map(Step::Cancel),
        2 => (any::<Index>(), 0..AMENDMENTS, any::<Index>())
            .prop_map(|(workflow, how, stage)| Step::Publish(workflow, how, stage)),
        1 => (0..3_u8, any::<bool>()).prop_map(|(team, is_removed)| Step::Team(team, is_removed)),
        1 => Just(Step::Again),
        1 => (any::<Index>(), 0..4_u16).prop_map(|(workflow, days)| Step::Retention(workflow, days)),
        1 => (-200_000_000..200_000_000_i32).prop_map(Step::AcceptClock),
        5 => (0..200_000_000_u32).prop_map(Step::Pass),
    ];
    vec(step, 1..at_most)
}

/// Turns steps into requests, by what the World holds when each is due.
#[derive(Debug)]
pub struct Player {
    definitions: Vec<Definition>,
    now: Time,
    asked: u64,
    last: Option<Request>,
    /// The instance that a button was pushed on last, as it was before, and when that was.
    pushed: Option<(Arc<Instance>, Time)>,
    /// The calls of a caller as they were looked up a while ago.
    looked_up: Option<EraseCaller>,
}

impl Player {
    /// A player for these workflows, of which those with a name that came before are left out.
    #[must_use]
    pub fn new(definitions: Vec<Definition>) -> Self {
        let mut kept: Vec<Definition> = Vec::new();
        for definition in definitions {
            if kept.iter().all(|other| other.name != definition.name) {
                kept.push(definition);
            }
        }
        Self {
            definitions: kept,
            now: Time(1_795_000_000_000),
            asked: 0,
            last: None,
            pushed: None,
            looked_up: None,
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// What makes the teams and publishes the workflows.
    pub fn opening(&mut self) -> Vec<Request> {
        let mut commands = Vec::new();
        for name in TEAMS {
            commands.push(Command::from(ImportTeam {
                name: name.into(),
                title: name.into(),
                expected: None,
            }));
        }
        commands.push(Command::from(ImportCalendar {
            calendar: Arc::new(office()),
            expected: None,
        }));
        for definition in self.definitions.clone() {
            commands.extend(publishing(definition));
        }
        commands
            .into_iter()
            .map(|command| self.request(somebody(ActorKind::Author), command))
            .collect()
    }

    /// The requests that a step comes to; none where it has nothing to act on.
    pub fn requests(&mut self, step: &Step, world: &World) -> Vec<Request> {
        let requests: Vec<Request> = match step {
            Step::Again => self.last.iter().cloned().collect(),
            Step::Pass(millis) => return self.pass(*millis, world),
            Step::Retention(at, days) => {
                self.retention(at.get(&self.definitions).clone(), *days, world)
            }
            Step::AcceptClock(millis) => {
                self.now = Time(self.now.0 + i64::from(*millis));
                vec![self.request(
                    somebody(ActorKind::Operations),
                    Command::from(AcceptClock { to: Some(self.now) }),
                )]
            }
            Step::Publish(at, how, stage) => {
                let definition = amended(at.get(&self.definitions).clone(), *how, stage);
                publishing(definition)
                    .map(|command| self.request(somebody(ActorKind::Author), command))
                    .into()
            }
            step => self
                .command(step, world)
                .map(|(by, command)| self.request(by, command))
                .into_iter()
                .collect(),
        };
        self.last = requests.last().cloned();
        if let Step::Erase(caller) = step {
            self.looked_up = Some(erase(world, *caller));
        }
        if let Step::Push { instance: at, .. } = step {
            self.pushed = instance(world, at).map(|before| (before.clone(), self.now));
        }
        requests
    }

    fn retention(&mut self, mut definition: Definition, days: u16, world: &World) -> Vec<Request> {
        if days == 0 {
            let newest = world
                .root()
                .workflows
                .named(&definition.name)
                .map_or(0, Workflow::newest);
            let command = Command::from(ConfirmRetention {
                workflow: definition.name.as_str().into(),
                version: newest,
            });
            return vec![self.request(somebody(ActorKind::Operations), command)];
        }
        definition.retention = Some(Span {
            amount: u32::from(days),
            unit: SpanUnit::Days,
        });
        publishing(definition)
            .map(|command| self.request(somebody(ActorKind::Author), command))
            .into()
    }

    fn request(&mut self, actor: Actor, command: Command) -> Request {
        self.asked += 1;
        // Every other request can be asked again.
        let mark = (!self.asked.is_multiple_of(2)).then_some(RequestMark {
            key: u128::from(self.asked),
            fingerprint: self.asked.wrapping_mul(31),
        });
        Request {
            actor,
            mark,
            salt: self.asked as u16,
            known: None,
            command,
        }
    }

    fn pass(&mut self, millis: u32, world: &World) -> Vec<Request> {
        self.now = Time(self.now.0 + i64::from(millis));
        let due = world.timers().earliest().filter(|key| key.due <= self.now);
        let elapse = due.map(|key| {
            Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake: key.wake(),
            })
        });
        let actor = Actor {
            kind: ActorKind::Timer,
            name: "".into(),
        };
        elapse
            .map(|command| Request {
                actor,
                mark: None,
                salt: 0,
                known: None,
                command,
            })
            .into_iter()
            .collect()
    }

    fn command(&self, step: &Step, world: &World) -> Option<(Actor, Command)> {
        let instance = |at: &Index| instance(world, at);
        let id = |at: &Index| instance(at).map(|instance| instance.id);
        let (kind, command) = match step {
            Step::Push {
                instance: at,
                button,
                stale,
                careless,
            } => (
                ActorKind::Person,
                push(world, instance(at)?, button, *stale, *careless),
            ),
            Step::Note(at) => (
                ActorKind::Person,
                Command::from(AddNote {
                    instance: id(at)?,
                    text: "rang".into(),
                }),
            ),
            Step::Acknowledge(at, action, is_stale) => {
                let instance = instance(at)?;
                let mut alert = seen(instance, u16::from(*action));
                alert.visit = alert.visit.saturating_sub(u32::from(*is_stale));
                (
                    ActorKind::Person,
                    Command::from(AcknowledgeAlert {
                        instance: instance.id,
                        alert,
                    }),
                )
            }
            Step::Hold(at, who, what, minutes) => {
                let command = holding(id(at)?, *what, i64::from(*minutes) * 60_000);
                return Some((
                    Actor {
                        kind: ActorKind::Person,
                        name: person(*who),
                    },
                    command,
                ));
            }
            Step::Next(who, minutes) => {
                let lease_millis = i64::from(*minutes) * 60_000;
                let filter = FollowUpFilter {
                    teams: vec![u32::from(*who)],
                    ..FollowUpFilter::default()
                };
                let command = claim_next(world, filter, lease_millis, self.now);
                return Some((
                    Actor {
                        kind: ActorKind::Person,
                        name: person(*who),
                    },
                    command,
                ));
            }
            Step::Team(team, is_removed) => (ActorKind::Author, declaring(*team, *is_removed)),
            Step::Cancel(at) => {
                let (instance, reason) = (id(at)?, "not needed".into());
                (
                    ActorKind::Operations,
                    Command::from(CancelInstance {
                        instance,
                        reason,
                        expected: None,
                    }),
                )
            }
            Step::Publish(..)
            | Step::Retention(..)
            | Step::Again
            | Step::AcceptClock(_)
            | Step::Pass(_) => {
                return None;
            }
            Step::Set { .. }
            | Step::Update { .. }
            | Step::End(_)
            | Step::Withdraw(_)
            | Step::Chase(_) => (
                ActorKind::ScriptEngine,
                script_command(step, world, &self.definitions)?,
            ),
            step => return self.at_desk(step, world),
        };
        Some((somebody(kind), command))
    }

    /// What is done besides pushing and claiming.
    fn at_desk(&self, step: &Step, world: &World) -> Option<(Actor, Command)> {
        let instance = |at: &Index| instance(world, at);
        let id = |at: &Index| instance(at).map(|instance| instance.id);
        let (kind, command) = match step {
            Step::Snooze(at, action, who, minutes) => {
                let command = snoozing(instance(at)?, u16::from(*action), *minutes);
                return Some((
                    Actor {
                        kind: ActorKind::Person,
                        name: person(*who),
                    },
                    command,
                ));
            }
            Step::Pause(at, minutes) => {
                let until = minutes.map(|minutes| Time(self.now.0 + i64::from(minutes) * 60_000));
                (
                    ActorKind::Person,
                    Command::from(PauseInstance {
                        instance: id(at)?,
                        until,
                        reason: "ill".into(),
                        expected: None,
                    }),
                )
            }
            Step::Resume(at) => (
                ActorKind::Person,
                Command::from(ResumeInstance {
                    instance: id(at)?,
                    note: "".into(),
                    expected: None,
                }),
            ),
            Step::Finish(at, who) => {
                let command = finishing(instance(at)?);
                return Some((
                    Actor {
                        kind: ActorKind::Person,
                        name: person(*who),
                    },
                    command,
                ));
            }
            Step::Undo(as_supervisor) => (ActorKind::Person, self.undoing(world, *as_supervisor)?),
            Step::Move(at, stage) => {
                let instance = instance(at)?;
                let stages = &world.root().definition_of(instance)?.stages;
                let (instance, stage, reason) =
                    (instance.id, stage.get(stages).number, "it is stuck".into());
                (
                    ActorKind::Operations,
                    Command::from(MoveInstance {
                        instance,
                        stage,
                        reason,
                        expected: None,
                    }),
                )
            }
            Step::Migrate(at, version) => (
                ActorKind::Operations,
                migrate(world, instance(at)?, *version)?,
            ),
            Step::Archive(minutes, calls) => {
                (ActorKind::Timer, archive(world, *minutes, *calls, self.now))
            }
            Step::Replace(nothing) => (ActorKind::Timer, replace(world, *nothing)?),
            Step::ConfirmPurge(count) => (
                ActorKind::Operations,
                Command::from(ConfirmPurge {
                    instances: u64::from(*count),
                }),
            ),
            Step::Erase(_) => (
                ActorKind::Operations,
                Command::from(self.looked_up.clone()?),
            ),
            Step::StepErasure => (ActorKind::Operations, step_erasure(world)?),
            Step::Batch(work, stop) => {
                (ActorKind::Operations, batch(world, *work, *stop, self.now)?)
            }
            Step::StepBatch => {
                let (batch, _) = world.root().batches.get_max()?;
                (
                    ActorKind::Operations,
                    Command::from(StepBatch { batch: *batch }),
                )
            }
            _ => return None,
        };
        Some((somebody(kind), command))
    }

    /// Names the push rightly where it is still the newest thing that happened, and wrongly where
    /// it is not.
    fn undoing(&self, world: &World, as_supervisor: bool) -> Option<Command> {
        let (before, pushed_at) = self.pushed.clone()?;
        let now = world.root().instance(before.id)?;
        // What was not active took no push: what happened next was something else.
        let is_newest = before.status == Status::Active && now.revision == before.revision + 1;
        Some(Command::from(UndoPush {
            instance: before.id,
            sequence: if is_newest {
                now.sequence
            } else {
                before.sequence
            },
            pushed_by: person(0),
            pushed_at,
            before,
            within_millis: 3_600_000,
            as_supervisor,
            reason: "a slip".into(),
        }))
    }
}
