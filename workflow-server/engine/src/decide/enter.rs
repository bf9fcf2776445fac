//! Entering a stage: withdraws what the one before had armed, counts the visit, runs the actions in order, and goes on
//! where a link leads at once. An instance is in exactly one stage.

use crate::call::Call;
use crate::decide::escalate;
use crate::definition::model::{AlertAction, LinkAction, TimerAction, TimerStart};
use crate::definition::template::{Place, Template};
use crate::definition::{Action, Definition, Stage};
use crate::instance::{Alert, Claim, Count, Instance, Status, Timer};
use crate::limits;
use crate::time::Time;
use crate::world::definitions::Teams;

/// What entering a stage looks at.
pub(super) struct Scene<'a> {
    pub(super) definition: &'a Definition,
    pub(super) call: &'a Call,
    pub(super) teams: &'a Teams,
    pub(super) now: Time,
}

/// Where the actions of a stage leave the instance.
enum Ends {
    /// It waits, or is stuck.
    Here,
    /// A link leads on.
    GoesTo(u32),
}

/// Enters a stage, and those it links on to; gives their numbers in order.
pub(super) fn enter(scene: &Scene<'_>, instance: &mut Instance, stage: u32) -> Vec<u32> {
    let held = Held::take(instance);
    let entered = walk(scene, instance, stage);
    held.give_back(instance);
    entered
}

/// What somebody held before a stage was left.
struct Held {
    claim: Option<Box<Claim>>,
    teams: Vec<u32>,
}

impl Held {
    fn take(instance: &mut Instance) -> Self {
        Self { claim: instance.claim.take(), teams: instance.alerts.iter().flat_map(Alert::teams).collect() }
    }

    /// A claim goes on as long as there is work, and the alerts that stand are not all for other teams.
    fn give_back(self, instance: &mut Instance) {
        let is_same_team = instance.alerts.is_empty()
            || self.teams.is_empty()
            || instance.alerts.iter().flat_map(Alert::teams).any(|team| self.teams.contains(&team));
        if instance.status == Status::Active && is_same_team {
            instance.claim = self.claim;
        }
    }
}

fn walk(scene: &Scene<'_>, instance: &mut Instance, stage: u32) -> Vec<u32> {
    let mut entered = Vec::with_capacity(1);
    let mut next = stage;
    // Validation refuses circles in which nothing waits, so a walk is never longer than the workflow; the bound keeps a
    // definition that slipped through from holding the server.
    while entered.len() <= scene.definition.stages.len() {
        entered.push(next);
        match enter_one(scene, instance, next) {
            Ends::Here => return entered,
            Ends::GoesTo(stage) => next = stage,
        }
    }
    stop(instance, Status::Incomplete);
    entered
}

/// Leaves nothing armed.
pub(super) fn stop(instance: &mut Instance, status: Status) {
    instance.status = status;
    instance.alerts = Box::default();
    instance.timers = Box::default();
    instance.claim = None;
    instance.pause = None;
    instance.release_at = None;
}

fn enter_one(scene: &Scene<'_>, instance: &mut Instance, number: u32) -> Ends {
    stop(instance, Status::Incomplete);
    instance.stage = number;
    instance.entered_at = scene.now;
    add_one(&mut instance.visits, number, 0);
    // A version is immutable and validated: its links lead to its own stages. Were one missing, people see it as incomplete.
    let Some(stage) = scene.definition.stage(number) else { return Ends::Here };
    run(scene, instance, stage)
}

fn run(scene: &Scene<'_>, instance: &mut Instance, stage: &Stage) -> Ends {
    let (mut alerts, mut timers, mut waits) = (Vec::new(), Vec::new(), false);
    for (at, action) in stage.actions.iter().enumerate() {
        let at = at as u16;
        match action {
            Action::Alert(alert) => alerts.extend(raise(scene, instance, alert, at)),
            Action::Button(_) => waits = true,
            Action::Timer(timer) => {
                waits = true;
                let due = due(scene, instance, timer);
                timers.push(Timer { action: at, due, waits_for_claim: timer.waits_for_claim });
            }
            Action::Link(link) => return follow(scene.definition, instance, link, stage.number, at),
            Action::Finish(finish) => {
                instance.status = Status::Finished;
                instance.ended_at = Some(scene.now);
                instance.ending = finish.outcome.as_str().into();
                return Ends::Here;
            }
        }
    }
    instance.status = if waits { Status::Active } else { Status::Incomplete };
    instance.alerts = alerts.into();
    instance.timers = timers.into();
    Ends::Here
}

/// A team that was declared is never taken back, so the place is there; an alert without one could be seen by nobody.
fn raise(scene: &Scene<'_>, instance: &Instance, alert: &AlertAction, at: u16) -> Option<Alert> {
    let mut raised = Alert {
        action: at,
        text: fill_in(scene, instance, &alert.text).into(),
        team: scene.teams.place(&alert.team)?,
        added_teams: Box::default(),
        priority: alert.priority,
        due: alert.due.map(|span| scene.now.after(span)),
        escalates_at: None,
        escalated: 0,
        seen: None,
        snooze: None,
    };
    raised.escalates_at = escalate::next(alert, &raised);
    Some(raised)
}

fn due(scene: &Scene<'_>, instance: &Instance, timer: &TimerAction) -> Time {
    match timer.from {
        TimerStart::Stage => scene.now.after(timer.after),
        TimerStart::Start => instance.started_at.after(timer.after),
    }
}

fn follow(definition: &Definition, instance: &mut Instance, link: &LinkAction, stage: u32, at: u16) -> Ends {
    let target = match &link.at_most {
        None => &link.to,
        Some(limit) => {
            let followed = instance.links.iter().find(|count| count.stage == stage && count.action == at);
            if followed.map_or(0, |count| count.times) < limit.times {
                add_one(&mut instance.links, stage, at);
                &link.to
            } else {
                &limit.otherwise
            }
        }
    };
    definition.stage_of(target).map_or(Ends::Here, |stage| Ends::GoesTo(stage.number))
}

/// Counts one more of something of a stage.
pub(super) fn add_one(counts: &mut Box<[Count]>, stage: u32, action: u16) {
    if let Some(count) = counts.iter_mut().find(|count| count.stage == stage && count.action == action) {
        count.times = count.times.saturating_add(1);
    } else {
        let mut grown = std::mem::take(counts).into_vec();
        grown.push(Count { stage, action, times: 1 });
        *counts = grown.into();
    }
}

fn fill_in(scene: &Scene<'_>, instance: &Instance, text: &Template) -> String {
    text.fill_in(limits::TEXT_BYTES_MAX, |place| match place {
        Place::Field(name) => {
            let at = scene.definition.fields.iter().position(|field| field.name == *name)?;
            let (_, value) = instance.fields.iter().find(|(field, _)| usize::from(*field) == at)?;
            Some(value.to_string())
        }
        Place::Call(name) => Some(of_call(scene.call, name).to_owned()),
    })
}

fn of_call<'c>(call: &'c Call, name: &str) -> &'c str {
    match name {
        "id" => &call.key.id,
        "source" => &call.key.source,
        "customer" => &call.customer,
        "script" => &call.script,
        "agent" => &call.agent,
        "caller.name" => &call.caller.name,
        "caller.phone" => &call.caller.phone,
        "caller.email" => &call.caller.email,
        "caller.reference" => &call.caller.reference,
        _ => "",
    }
}
