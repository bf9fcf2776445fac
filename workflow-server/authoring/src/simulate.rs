//! Simulates a workflow: one call in its own World. The author controls the time.
//!
//! Promise: the functions that decide and apply are those of the server. Must not: store anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_definition::calendar::Calendar;
use aftercall_definition::model::{self, Action, AlertAction, Target};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_definition::{Definition, Fault};
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    CallChanges, Command, Elapse, IfRunning, ImportCalendar, ImportTeam, ImportWorkflow,
    PublishWorkflow, PushButton, Request, SetWorkflow,
};
use aftercall_engine::entry::{Answer, ChangeKind, Entry, StageWarning};
use aftercall_engine::instance::{Instance, InstanceId, Status};
use aftercall_engine::query::{ShouldStop, Stopped};
use aftercall_engine::rejection::Rejection;
use aftercall_engine::world::{Keeping, Root, World};
use aftercall_engine::{Decision, decide};
use jiff::tz::TimeZone;
use thiserror::Error;

/// How many timers may fire in one simulation. More means an error in the workflow, or a wait that
/// is too long.
const FIRINGS_MAX: usize = 2_000;

/// The actor of the simulation, as a history would show it.
const AUTHOR: &str = "simulation";

/// Values by name.
pub type Named = Vec<(Box<str>, Value)>;

/// A path out of a stage. Two links of a stage to the same other stage are one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StagePath {
    /// The number of the stage.
    pub from: u32,
    /// What leads out of it.
    pub leads: Leads,
}

/// What leads out of a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leads {
    /// A button, to the stage with this number.
    Button(u32),
    /// A timer, to the stage with this number.
    Timer(u32),
    /// A link, to the stage with this number.
    Link(u32),
    /// The end, with this outcome.
    Finish(Box<str>),
}

/// Why a workflow cannot be simulated, or a step is not possible.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SimulationError {
    /// The definition has errors, and could not be published.
    #[error("the workflow has errors")]
    Faulty(Vec<Fault>),
    /// The step is refused, as in a server.
    #[error("{}", .0.full_message())]
    Refused(Box<Rejection>),
    /// No workflow is set yet.
    #[error("the workflow is not set yet")]
    NotSet,
    /// More timers have fired than a simulation allows.
    #[error(
        "more than {FIRINGS_MAX} timers have fired: wait for a shorter time, or let the timers fire less often"
    )]
    TooBusy,
    /// The caller has stopped the simulation.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl SimulationError {
    /// The stable name of the reason in the API.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Faulty(_) => "WORKFLOW_HAS_FAULTS",
            Self::Refused(rejection) => rejection.reason(),
            Self::NotSet => "NOT_SET",
            Self::TooBusy => "TOO_BUSY",
            Self::Stopped(_) => "STOPPED",
        }
    }
}

/// A call on which a workflow is simulated.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    now: Time,
    id: Option<InstanceId>,
    walked: BTreeSet<StagePath>,
    /// The number of timers and escalation steps that have fired.
    fired: usize,
    warnings: Vec<StageWarning>,
}

impl Simulation {
    /// Makes a World with this workflow at this time. Declares the teams that the workflow names,
    /// and these calendars.
    ///
    /// # Errors
    /// [`SimulationError::Faulty`].
    pub fn new(
        definition: &Definition,
        calendars: &[Arc<Calendar>],
        now: Time,
    ) -> Result<Self, SimulationError> {
        let world = World::new(Keeping::default());
        let mut simulation = Self {
            world,
            now,
            id: None,
            walked: BTreeSet::new(),
            fired: 0,
            warnings: Vec::new(),
        };
        simulation.declare(definition, calendars)?;
        let faults = simulation.world.root().validate(definition);
        let faults: Vec<Fault> = faults.into_iter().filter(|fault| !fault.warning).collect();
        if !faults.is_empty() {
            return Err(SimulationError::Faulty(faults));
        }
        let import = ImportWorkflow {
            definition: Box::new(definition.clone()),
            expected: None,
        };
        simulation.ask(ActorKind::Author, Command::from(import))?;
        let publish = PublishWorkflow {
            name: definition.name.as_str().into(),
            expected: None,
            validated: None,
        };
        simulation.ask(ActorKind::Author, Command::from(publish))?;
        Ok(simulation)
    }

    /// Declares the calendars, and the teams of a definition.
    fn declare(
        &mut self,
        definition: &Definition,
        calendars: &[Arc<Calendar>],
    ) -> Result<(), SimulationError> {
        for name in teams(definition) {
            let import = ImportTeam {
                name: name.into(),
                title: name.into(),
                expected: None,
                claim_next_only: None,
            };
            self.ask(ActorKind::Author, Command::from(import))?;
        }
        for calendar in calendars {
            let import = ImportCalendar {
                calendar: calendar.clone(),
                expected: None,
            };
            self.ask(ActorKind::Author, Command::from(import))?;
        }
        Ok(())
    }

    /// Sets the time zone for callers and calendars that have none. The default is UTC.
    #[must_use]
    pub fn with_default_zone(mut self, zone: TimeZone) -> Self {
        self.world.set_default_zone(zone);
        self
    }

    /// Sets the workflow on the call.
    ///
    /// # Errors
    /// [`SimulationError::Refused`], with every invalid field.
    pub fn set(&mut self, mut changes: CallChanges, fields: Named) -> Result<(), SimulationError> {
        changes.chargeable.get_or_insert(true);
        let workflow = self
            .world
            .root()
            .workflows
            .by_place()
            .next()
            .map_or("", |workflow| &workflow.name)
            .into();
        let set = SetWorkflow {
            call: CallKey {
                source: AUTHOR.into(),
                id: "1".into(),
            },
            changes,
            workflow,
            version: None,
            fields,
            release: None,
            release_within_millis: None,
            if_running: IfRunning::Refuse,
        };
        if let Answer::Set { instance, .. } =
            self.ask(ActorKind::ScriptEngine, Command::from(set))?
        {
            self.id = Some(instance);
        }
        Ok(())
    }

    /// Pushes a button of the current stage.
    ///
    /// # Errors
    /// [`SimulationError`].
    pub fn push(&mut self, button: &str, form: Named, note: &str) -> Result<(), SimulationError> {
        let instance = self.instance().ok_or(SimulationError::NotSet)?;
        let push = PushButton {
            instance: instance.id,
            button: button.into(),
            stage: Some(instance.stage),
            visit: instance.visit(),
            note: note.into(),
            form,
        };
        self.ask(ActorKind::Person, Command::from(push)).map(drop)
    }

    /// Lets time pass, so that timers and escalation steps fire. Returns how many fired.
    ///
    /// # Errors
    /// [`SimulationError::TooBusy`] or [`SimulationError::Stopped`]. The time then shows how far
    /// the simulation came.
    pub fn wait(
        &mut self,
        millis: i64,
        should_stop: ShouldStop<'_>,
    ) -> Result<usize, SimulationError> {
        let until = Time(self.now.0.saturating_add(millis.max(0)));
        let mut fired = 0;
        while let Some(key) = self
            .world
            .timers()
            .earliest()
            .filter(|key| key.due <= until)
        {
            if self.fired >= FIRINGS_MAX {
                return Err(SimulationError::TooBusy);
            }
            if should_stop() {
                return Err(SimulationError::Stopped(Stopped));
            }
            self.fired += 1;
            self.now = self.now.max(key.due);
            let elapse = Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake: key.wake(),
            });
            self.ask(ActorKind::Timer, elapse)?;
            fired += 1;
        }
        self.now = self.now.max(until);
        Ok(fired)
    }

    /// The current instance.
    #[must_use]
    pub fn instance(&self) -> Option<&Arc<Instance>> {
        self.world.root().instance(self.id?)
    }

    /// The World.
    #[must_use]
    pub fn root(&self) -> &Root {
        self.world.root()
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The time when the next timer or escalation step fires.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.world.timers().earliest().map(|key| key.due)
    }

    /// The warnings of the stages that were entered since the last call.
    pub fn take_warnings(&mut self) -> Vec<StageWarning> {
        std::mem::take(&mut self.warnings)
    }

    /// The paths that the call has taken.
    #[must_use]
    pub fn walked(&self) -> &BTreeSet<StagePath> {
        &self.walked
    }

    fn ask(&mut self, kind: ActorKind, command: Command) -> Result<Answer, SimulationError> {
        let request = Request {
            actor: Actor {
                kind,
                name: AUTHOR.into(),
                subject: None,
            },
            mark: None,
            salt: 0,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command,
        };
        let refused = |rejection| SimulationError::Refused(Box::new(rejection));
        match decide(&self.world, &request, self.now).map_err(refused)? {
            Decision::Commit(entry) => {
                self.note(&entry);
                // The entry was decided on this World, so it fits.
                let _ = self.world.apply(&entry);
                Ok(entry.answer)
            }
            Decision::Unchanged(answer) => Ok(answer),
            Decision::Repeat { .. } => Ok(Answer::Done),
        }
    }

    fn note(&mut self, entry: &Entry) {
        for change in &entry.instances {
            let first = match change.kind {
                ChangeKind::ButtonPushed => Leads::Button,
                ChangeKind::TimerElapsed => Leads::Timer,
                _ => Leads::Link,
            };
            let leads =
                std::iter::once(first).chain(std::iter::repeat(Leads::Link as fn(u32) -> Leads));
            let mut from = change
                .before
                .as_ref()
                .map(|before| before.stage)
                .filter(|stage| *stage > 0);
            for (to, leads) in change.entered.iter().zip(leads) {
                self.walked.extend(from.map(|from| StagePath {
                    from,
                    leads: leads(*to),
                }));
                from = Some(*to);
            }
            let after = &change.after;
            if let Some(from) = change
                .entered
                .last()
                .filter(|_| after.status() == Status::Finished)
            {
                self.walked.insert(StagePath {
                    from: *from,
                    leads: Leads::Finish(after.ending().into()),
                });
            }
            self.warnings.extend(change.warnings.iter().cloned());
        }
    }
}

/// The teams that a definition names, each once.
fn teams(definition: &Definition) -> BTreeSet<&str> {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    actions
        .filter_map(Action::alert)
        .flat_map(AlertAction::teams)
        .collect()
}

/// All paths of a workflow, each with a description.
#[must_use]
pub fn stage_paths(definition: &Definition) -> Vec<(StagePath, String)> {
    let mut paths: Vec<(StagePath, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    for stage in &definition.stages {
        for (leads, what) in stage
            .actions
            .iter()
            .flat_map(|action| leads_of(definition, action))
        {
            let path = StagePath {
                from: stage.number,
                leads,
            };
            if seen.insert(path.clone()) {
                paths.push((path, what));
            }
        }
    }
    paths
}

fn leads_of(definition: &Definition, action: &Action) -> Vec<(Leads, String)> {
    let to = |target: Target<'_>| {
        let stage = definition.stage_of(target.event)?.number;
        Some(match target.leads {
            model::Leads::Push => {
                let label = action.button().map_or("", |button| &button.label);
                (Leads::Button(stage), format!("button \"{label}\""))
            }
            model::Leads::Elapse => (Leads::Timer(stage), "timer".to_owned()),
            model::Leads::Link => (Leads::Link(stage), "link".to_owned()),
            model::Leads::LinkInstead => (Leads::Link(stage), "link, else".to_owned()),
        })
    };
    let finish = action.finish().map(|finish| {
        let outcome = finish.outcome.as_str().into();
        (Leads::Finish(outcome), "finish".to_owned())
    });
    action.targets().filter_map(to).chain(finish).collect()
}
