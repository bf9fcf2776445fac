//! A desk for tests: sends commands to the engine one after another, and lets time pass.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::sync::Arc;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    CallChanges, ClaimInstance, ClaimNext, Command, Elapse, IfRunning, ImportTeam, ImportWorkflow,
    PublishWorkflow, PushButton, Request, SetWorkflow,
};
use aftercall_engine::entry::{Answer, ChangeKind};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::{Claimable, never};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Entry, Reach, Rejection, decide};

pub(crate) const MINUTE: i64 = 60_000;

/// A World and its present time.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) now: Time,
    /// What those who ask may see and touch.
    pub(crate) reach: Reach,
}

impl Desk {
    /// A World with teams and this workflow.
    pub(crate) fn new(workflow: &str) -> Self {
        Self::with(workflow, [])
    }

    /// A World with teams and this workflow, after other commands.
    pub(crate) fn with(workflow: &str, first: impl IntoIterator<Item = Command>) -> Self {
        let mut desk = Self {
            world: World::new(Keeping::default()),
            now: Time(1_795_000_000_000),
            reach: Reach::EVERYTHING,
        };
        for name in ["care", "billing", "leads"] {
            desk.ask(
                "author",
                Command::from(ImportTeam {
                    name: name.into(),
                    title: name.into(),
                    expected: None,
                    claim_next_only: None,
                }),
            )
            .unwrap();
        }
        for command in first {
            desk.ask("author", command).unwrap();
        }
        let definition =
            Box::new(file::read(workflow, None).unwrap_or_else(|faults| panic!("{faults:#?}")));
        desk.ask(
            "author",
            Command::from(ImportWorkflow {
                definition,
                expected: None,
            }),
        )
        .unwrap();
        desk.ask(
            "author",
            Command::from(PublishWorkflow {
                name: "repair".into(),
                expected: None,
                validated: None,
            }),
        )
        .unwrap();
        desk
    }

    pub(crate) fn ask(&mut self, who: &str, command: Command) -> Result<Answer, Rejection> {
        self.entry(who, command).map(|decided| decided.1)
    }

    pub(crate) fn entry(
        &mut self,
        who: &str,
        command: Command,
    ) -> Result<(Option<Entry>, Answer), Rejection> {
        // Who has proved an identity is given as `Name#subject`.
        let (name, subject) = who.split_once('#').unwrap_or((who, ""));
        let kind = match name {
            "" => ActorKind::Timer,
            "script" => ActorKind::ScriptEngine,
            "ops" => ActorKind::Operations,
            _ => ActorKind::Person,
        };
        let request = Request {
            actor: Actor {
                kind,
                name: name.into(),
                subject: (!subject.is_empty()).then(|| subject.into()),
            },
            mark: None,
            salt: 1,
            known: None,
            acts_for: None,
            reach: self.reach.clone(),
            command,
        };
        Ok(match decide(&self.world, &request, self.now)? {
            Decision::Commit(entry) => {
                self.world.apply(&entry).unwrap();
                let answer = entry.answer.clone();
                (Some(*entry), answer)
            }
            Decision::Unchanged(answer) => (None, answer),
            Decision::Repeat { .. } => unreachable!("no request has an id"),
        })
    }

    pub(crate) fn set(&mut self, call: &str, chargeable: bool) -> InstanceId {
        let set = SetWorkflow {
            call: CallKey {
                source: "scripts".into(),
                id: call.into(),
            },
            changes: CallChanges {
                chargeable: Some(chargeable),
                ..CallChanges::default()
            },
            workflow: "repair".into(),
            version: None,
            fields: Vec::new(),
            release: None,
            release_within_millis: None,
            if_running: IfRunning::Refuse,
        };
        match self.ask("script", Command::from(set)).unwrap() {
            Answer::Set { instance, .. } => instance,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn claim(&mut self, who: &str, instance: InstanceId) -> Result<Answer, Rejection> {
        self.ask(
            who,
            Command::from(ClaimInstance {
                instance,
                lease_millis: 15 * MINUTE,
            }),
        )
    }

    pub(crate) fn push(
        &mut self,
        who: &str,
        id: InstanceId,
        button: &str,
    ) -> Result<Answer, Rejection> {
        let visit = self.instance(id).visit();
        let push = PushButton {
            instance: id,
            button: button.into(),
            stage: None,
            visit,
            note: "".into(),
            form: Vec::new(),
        };
        self.ask(who, Command::from(push))
    }

    pub(crate) fn next(&mut self, who: &str) -> Option<InstanceId> {
        match self.next_of(who, FollowUpFilter::default()).unwrap() {
            Answer::Moved { instance, .. } => Some(instance),
            _ => None,
        }
    }

    /// Searches for a follow-up and claims the first one found.
    pub(crate) fn next_of(
        &mut self,
        who: &str,
        filter: FollowUpFilter,
    ) -> Result<Answer, Rejection> {
        let found = Claimable::search(self.world.root(), &filter, self.now, &never).unwrap();
        let candidates = found.candidates().to_vec();
        self.ask(
            who,
            Command::from(ClaimNext {
                filter,
                candidates,
                lease_millis: 15 * MINUTE,
            }),
        )
    }

    pub(crate) fn instance(&self, id: InstanceId) -> &Instance {
        self.world.root().instance(id).unwrap()
    }

    pub(crate) fn holder(&self, id: InstanceId) -> &str {
        self.instance(id)
            .claim
            .as_ref()
            .map_or("", |claim| &claim.by)
    }

    /// Lets time pass, with all automatic changes. Returns their kinds.
    pub(crate) fn pass(&mut self, millis: i64) -> Vec<ChangeKind> {
        self.pass_entries(millis)
            .iter()
            .map(|entry| entry.kind)
            .collect()
    }

    /// Lets time pass, with all automatic changes. Returns their entries.
    pub(crate) fn pass_entries(&mut self, millis: i64) -> Vec<Arc<Entry>> {
        self.now = Time(self.now.0 + millis);
        let mut happened = Vec::new();
        while let Some(key) = self
            .world
            .timers()
            .earliest()
            .filter(|key| key.due <= self.now)
        {
            let elapse = Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake: key.wake(),
            });
            happened.push(Arc::new(self.entry("", elapse).unwrap().0.unwrap()));
        }
        happened
    }
}
