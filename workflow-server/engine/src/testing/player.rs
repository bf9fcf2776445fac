//! Turns arbitrary steps into requests, for property tests.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::testing::{TEAMS, amended};
use aftercall_definition::time::{Span, SpanUnit, Time};

use super::at_desk::at_desk;
use super::commands::{declaring, erase, instance, office, publishing, somebody};
use super::operating::{operating, upkeep};
use super::scripts::script_command;
use super::step::Step;
use crate::actor::{Actor, ActorKind};
use crate::command::{
    AcceptClock, Command, ConfirmRetention, Elapse, EraseCaller, ImportCalendar, ImportTeam,
    Request, RequestMark,
};
use crate::instance::Instance;
use crate::world::World;
use crate::world::definitions::Workflow;

/// Turns steps into requests. The requests depend on the state of the World at each step.
#[derive(Debug)]
pub struct Player {
    definitions: Vec<Definition>,
    now: Time,
    asked: u64,
    last: Option<Request>,
    /// The instance of the last push as it was before the push, and the time of the push.
    pushed: Option<(Arc<Instance>, Time)>,
    /// The calls of a caller that an earlier step found.
    looked_up: Option<EraseCaller>,
}

impl Player {
    /// A player for these workflows. If several have the same name, it uses only the first.
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

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The requests that declare the teams and publish the workflows.
    pub fn opening(&mut self) -> Vec<Request> {
        let mut commands = Vec::new();
        for name in TEAMS {
            commands.push(Command::from(ImportTeam {
                name: name.into(),
                title: name.into(),
                expected: None,
                claim_next_only: None,
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

    /// The requests of a step. There are none if the step has nothing to work on.
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
        // Every other request can be repeated.
        let mark = (!self.asked.is_multiple_of(2)).then_some(RequestMark {
            key: u128::from(self.asked),
            fingerprint: self.asked.wrapping_mul(31),
        });
        Request {
            actor,
            mark,
            salt: self.asked as u16,
            known: None,
            acts_for: None,
            reach: crate::Reach::EVERYTHING,
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
            subject: None,
        };
        elapse
            .map(|command| Request {
                actor,
                mark: None,
                salt: 0,
                known: None,
                acts_for: None,
                reach: crate::Reach::EVERYTHING,
                command,
            })
            .into_iter()
            .collect()
    }

    fn command(&self, step: &Step, world: &World) -> Option<(Actor, Command)> {
        if let Some(step) = at_desk(step, world, (self.now, self.pushed.as_ref())) {
            return Some(step);
        }
        let (kind, command) = match step {
            Step::Team(team, is_removed) => (ActorKind::Author, declaring(*team, *is_removed)),
            Step::Set { .. }
            | Step::Update { .. }
            | Step::End(_)
            | Step::Withdraw(_)
            | Step::Chase(_) => (
                ActorKind::ScriptEngine,
                script_command(step, world, &self.definitions)?,
            ),
            Step::Archive(..) | Step::Replace(_) => {
                (ActorKind::Timer, upkeep(step, world, self.now)?)
            }
            Step::Erase(_) => (
                ActorKind::Operations,
                Command::from(self.looked_up.clone()?),
            ),
            step => (ActorKind::Operations, operating(step, world, self.now)?),
        };
        Some((somebody(kind), command))
    }
}
