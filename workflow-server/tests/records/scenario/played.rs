//! A World that requests are applied to, and requests that many samples use.

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::{Actor, ActorKind, Subject};
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, Elapse, IfRunning, ImportWorkflow, PublishWorkflow, PushButton, Release,
    Request, RequestMark, SeenAlert, SetWorkflow,
};
use aftercall_engine::instance::{InstanceId, Wake};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Entry, Reach, decide};

use crate::first_written::{count_from_waking, forget};

/// The time at which the scenario begins, in milliseconds.
pub(super) const START: i64 = 1_795_000_000_000;

/// The World at the end, and all entries.
pub(crate) struct Played {
    pub(crate) world: World,
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: i64,
    /// Whether timers have the end of their wait, and hand-overs their recipient. The first servers
    /// did not write these.
    pub(crate) keeps_waits: bool,
    pub(crate) keeps_recipients: bool,
    /// Who people and operations are, if they have proved it.
    pub(crate) subject: Subject,
    /// What those who ask may see and touch.
    pub(crate) reach: Reach,
}

impl Played {
    /// Starts without any entry.
    pub(crate) fn new() -> Self {
        let world = World::new(Keeping::default());
        Self {
            world,
            entries: Vec::new(),
            now: START,
            keeps_waits: false,
            keeps_recipients: false,
            subject: None,
            reach: Reach::EVERYTHING,
        }
    }

    /// Sends a request and applies the entry. Returns the first instance in the entry.
    pub(crate) fn ask(&mut self, kind: ActorKind, command: Command) -> InstanceId {
        self.ask_and("Ann Árbol", (kind, command), |_| {})
    }

    /// Lets the next timer of this kind fire.
    pub(crate) fn elapse(&mut self, wake: Wake) {
        let key = self
            .world
            .timers()
            .due(Time::NEVER)
            .find(|key| key.wake() == wake)
            .unwrap();
        self.now = self.now.max(key.due.0);
        self.ask(
            ActorKind::Timer,
            Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake,
            }),
        );
    }

    /// Like [`elapse`](Self::elapse), but as the first servers wrote it. Waits counted from the
    /// time when a timer woke, not from the time when it was due.
    pub(super) fn elapse_as_first_written(&mut self, wake: Wake) {
        let key = self
            .world
            .timers()
            .due(Time::NEVER)
            .find(|key| key.wake() == wake)
            .unwrap();
        self.now = self.now.max(key.due.0);
        let elapse = Command::from(Elapse {
            due: key.due,
            slot: key.slot,
            wake,
        });
        self.ask_and("Ann Árbol", (ActorKind::Timer, elapse), |entry| {
            count_from_waking(entry, key.due);
        });
    }

    pub(crate) fn ask_and(
        &mut self,
        name: &str,
        (kind, command): (ActorKind, Command),
        change: impl Fn(&mut Entry),
    ) -> InstanceId {
        self.now += 1_000;
        let nth = self.entries.len() as u64 + 1;
        let mark = RequestMark {
            key: u128::from(nth) << 70 | 7,
            fingerprint: nth.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        };
        let is_owner = matches!(kind, ActorKind::Person | ActorKind::Operations);
        let actor = Actor {
            kind,
            name: name.into(),
            subject: self.subject.clone().filter(|_| is_owner),
        };
        let request = Request {
            actor,
            mark: Some(mark),
            salt: 0xBEEF,
            known: None,
            acts_for: None,
            reach: self.reach.clone(),
            command,
        };
        let Ok(Decision::Commit(mut entry)) = decide(&self.world, &request, Time(self.now)) else {
            panic!("{request:?} is carried out")
        };
        change(&mut entry);
        forget(&mut entry, (!self.keeps_waits, !self.keeps_recipients));
        self.world.apply(&entry).unwrap();
        let id = entry.instances.last().map(|change| change.after.id());
        self.entries.push(*entry);
        id.unwrap_or(InstanceId {
            made_at: 0,
            slot: 0,
            salt: 0,
        })
    }
}

pub(crate) fn publish(played: &mut Played, file: &str, name: &str) {
    let definition = file::read(file, None).unwrap();
    let import = Command::from(ImportWorkflow {
        definition: Box::new(definition),
        expected: None,
    });
    played.ask(ActorKind::Author, import);
    played.ask(
        ActorKind::Author,
        Command::from(PublishWorkflow {
            name: name.into(),
            expected: None,
            validated: None,
        }),
    );
}

pub(crate) fn seen_alert(stage: u32, visit: u32, urgency_count: u32) -> SeenAlert {
    SeenAlert {
        stage,
        visit,
        action: 0,
        urgency_count,
        team: None,
    }
}

pub(crate) fn key(id: &str) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: id.into(),
    }
}

pub(super) fn set(call: &str, release_at_call_end: bool) -> Command {
    Command::from(setting(call, release_at_call_end))
}

pub(crate) fn setting(call: &str, release_at_call_end: bool) -> SetWorkflow {
    let caller = Caller {
        name: "Bea".into(),
        phone: "+44 20 7946 0000".into(),
        email: "bea@example.com".into(),
        reference: "C-7".into(),
        time_zone: "".into(),
    };
    SetWorkflow {
        call: key(call),
        changes: CallChanges {
            customer: Some("acme".into()),
            script: Some("refunds".into()),
            agent: Some("Cem".into()),
            caller: Some(caller),
            replace_caller: false,
            chargeable: Some(true),
            details: vec![("order".into(), "4711".into())],
            replace_details: false,
        },
        workflow: "sample".into(),
        version: None,
        fields: vec![
            ("text".into(), Value::Text("Refund".into())),
            ("number".into(), Value::Number(12.5)),
            ("flag".into(), Value::Bool(true)),
            ("moment".into(), Value::Time(Time(START))),
        ],
        release: release_at_call_end.then_some(Release::CallEnded),
        release_within_millis: release_at_call_end.then_some(7 * 86_400_000),
        if_running: IfRunning::ReturnIt,
    }
}

pub(crate) fn push(
    instance: InstanceId,
    button: &str,
    visit: u32,
    form: &[(&str, Value)],
) -> Command {
    let form = form
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()))
        .collect();
    let (button, note) = (button.into(), "because".into());
    Command::from(PushButton {
        instance,
        button,
        stage: None,
        visit,
        note,
        form,
    })
}
