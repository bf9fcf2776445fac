//! Enters a stage: stops the timers and alerts of the stage before, counts the visit, runs the
//! actions in order, and follows links at once. An instance is in exactly one stage.

use aftercall_definition::escalation::alert_action;
use aftercall_definition::expression::ExpressionFailure;
use aftercall_definition::limits::TEXT_BYTES_MAX;
use aftercall_definition::model::{AlertAction, LinkAction, SetFieldAction};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_definition::{Action, ActionKind, Definition, Stage, rules};

use crate::decide::arm::arm;
use crate::decide::scene::Scene;
use crate::decide::{escalate, texts};
use crate::entry::{Entered, StageWarning, StageWarningKind};
use crate::instance::{Alert, Claim, Count, Instance, Status, Timer};
use crate::limits;
use crate::query::fill_in;

/// The result of running the actions of a stage.
enum Ends {
    /// The instance waits here, is stuck here, or has ended.
    Here,
    /// A link leads to this stage.
    LinksTo(u32),
}

/// Enters a stage and the stages that its links lead to. A paused instance stays paused.
pub(super) fn enter(scene: &Scene<'_>, instance: &mut Instance, stage: u32) -> Entered {
    let held = Held::take(instance);
    let pause = instance.pause.take();
    let mut entered = walk(scene, instance, stage);
    entered.warnings.truncate(limits::STAGE_WARNINGS_MAX);
    held.restore(instance);
    if pause.is_some() && !instance.status.is_ended() {
        (instance.status, instance.pause) = (Status::Paused, pause);
    }
    entered
}

/// The claim and the teams of an instance before it left a stage.
struct Held {
    claim: Option<Box<Claim>>,
    teams: Vec<u32>,
}

impl Held {
    fn take(instance: &mut Instance) -> Self {
        Self {
            claim: instance.claim.take(),
            teams: instance.alerts.iter().flat_map(Alert::teams).collect(),
        }
    }

    /// Keeps the claim while the instance is open, unless all its alerts are for other teams.
    fn restore(self, instance: &mut Instance) {
        let is_same_team = instance.alerts.is_empty()
            || self.teams.is_empty()
            || instance
                .alerts
                .iter()
                .flat_map(Alert::teams)
                .any(|team| self.teams.contains(&team));
        if !instance.status.is_ended() && is_same_team {
            instance.claim = self.claim;
        }
    }
}

fn walk(scene: &Scene<'_>, instance: &mut Instance, stage: u32) -> Entered {
    let mut entered = Entered {
        stages: Vec::with_capacity(1),
        warnings: Vec::new(),
    };
    let mut next = stage;
    // Validation refuses circles in which nothing waits, so a walk is never longer than the
    // workflow. The limit protects the server from a definition that was not validated.
    while entered.stages.len() <= scene.definition.stages.len() {
        entered.stages.push(next);
        match enter_one(scene, instance, next, &mut entered.warnings) {
            Ends::Here => return entered,
            Ends::LinksTo(stage) => next = stage,
        }
    }
    stop(instance, Status::Incomplete);
    entered
}

/// Stops all timers and alerts, and sets the status.
pub(super) fn stop(instance: &mut Instance, status: Status) {
    instance.status = status;
    instance.alerts = Box::default();
    instance.filling = None;
    instance.timers = Box::default();
    instance.skipped = Box::default();
    instance.claim = None;
    instance.pause = None;
    instance.release_at = None;
}

fn enter_one(
    scene: &Scene<'_>,
    instance: &mut Instance,
    number: u32,
    warnings: &mut Vec<StageWarning>,
) -> Ends {
    stop(instance, Status::Incomplete);
    instance.stage = number;
    instance.entered_at = scene.now;
    add_one(&mut instance.visits, number, 0);
    // A version never changes and was validated, so its links lead to its own stages. If a stage is
    // missing nevertheless, people see the instance as incomplete.
    let Some(stage) = scene.definition.stage(number) else {
        return Ends::Here;
    };
    let mut armed = Armed::default();
    let already = warnings.len();
    let ends = run(scene, instance, stage, &mut armed, warnings);
    if let Some(ends) = ends {
        return ends;
    }
    fill_in_texts(scene, instance, &mut armed.alerts, warnings);
    // Texts are filled in last, so that they show the values that the stage sets. Sorting puts the
    // warnings back in the order of the actions.
    warnings[already..].sort_by_key(|warning| warning.action);
    instance.status = if armed.waits {
        Status::Active
    } else {
        Status::Incomplete
    };
    instance.alerts = armed.alerts.into();
    texts::keep_form(scene.definition, instance, scene.form);
    instance.timers = armed.timers.into();
    instance.skipped = armed.skipped.into();
    Ends::Here
}

/// The alerts and timers that a stage has started so far. They are dropped if a link or a finish
/// ends the stage.
#[derive(Default)]
pub(super) struct Armed {
    pub(super) alerts: Vec<Alert>,
    pub(super) timers: Vec<Timer>,
    pub(super) skipped: Vec<u16>,
    pub(super) waits: bool,
}

/// Runs the actions in order, up to the first link or finish. Returns how that ends the stage.
fn run(
    scene: &Scene<'_>,
    instance: &mut Instance,
    stage: &Stage,
    armed: &mut Armed,
    warnings: &mut Vec<StageWarning>,
) -> Option<Ends> {
    for (at, action) in stage.actions.iter().enumerate() {
        let at = at as u16;
        let mut warn = |kind, name: &str| {
            warnings.push(StageWarning {
                stage: stage.number,
                action: at,
                kind,
                name: name.into(),
            });
        };
        if !is_condition_true(scene, instance, action, &mut warn) {
            armed.skipped.push(at);
            continue;
        }
        match &action.kind {
            ActionKind::Alert(alert) => {
                armed
                    .alerts
                    .extend(raise(scene, instance.entered_at, alert, (at, "".into())));
            }
            ActionKind::Button(_) => armed.waits = true,
            ActionKind::Timer(timer) => {
                armed.waits = true;
                armed
                    .timers
                    .push(arm(scene, instance, (at, timer), &mut warn));
            }
            ActionKind::SetField(set) => set_field(scene, instance, set, &mut warn),
            ActionKind::Link(link) => {
                return Some(follow(scene.definition, instance, link, stage.number, at));
            }
            ActionKind::Finish(finish) => {
                instance.status = Status::Finished;
                instance.ended_at = Some(scene.now);
                instance.ending = finish.outcome.as_str().into();
                return Some(Ends::Here);
            }
        }
    }
    None
}

/// Whether the condition of an action is true. A condition that cannot be evaluated counts as
/// false.
pub(super) fn is_condition_true(
    scene: &Scene<'_>,
    instance: &Instance,
    action: &Action,
    warn: &mut impl FnMut(StageWarningKind, &str),
) -> bool {
    let Some(when) = &action.when else {
        return true;
    };
    when.holds(&scene.facts(instance))
        .unwrap_or_else(|failure| {
            warn(StageWarningKind::ConditionFailed, named(&failure));
            false
        })
}

fn named(failure: &ExpressionFailure) -> &str {
    match failure {
        ExpressionFailure::NoValue(name) => name,
        ExpressionFailure::Values | ExpressionFailure::NotA(_) => "",
    }
}

fn set_field(
    scene: &Scene<'_>,
    instance: &mut Instance,
    set: &SetFieldAction,
    warn: &mut impl FnMut(StageWarningKind, &str),
) {
    let fields = &scene.definition.fields;
    let Some((place, declared)) = fields
        .iter()
        .enumerate()
        .find(|(_, field)| field.name == set.field)
    else {
        return;
    };
    let value = set
        .to
        .value(declared.field_type, &scene.facts(instance))
        .ok();
    match value.filter(|value| declared.takes_at(value, scene.now) && is_allowed(value)) {
        Some(value) => {
            let mut values = std::mem::take(&mut instance.fields).into_vec();
            put_value(&mut values, place as u16, value);
            instance.fields = values.into();
        }
        None => warn(
            StageWarningKind::FieldNotSet,
            &format!("fields.{}", set.field),
        ),
    }
}

/// Whether Set Workflow would accept a value. Expressions compute texts and times, which must
/// follow the same rules.
fn is_allowed(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.len() <= TEXT_BYTES_MAX && text.chars().all(rules::is_printable),
        Value::Time(time) => time.is_value(),
        Value::Number(_) | Value::Bool(_) => true,
    }
}

/// Puts a value in its place; the places are ascending. Returns whether it differs from the value
/// before.
pub(super) fn put_value(values: &mut Vec<(u16, Value)>, place: u16, value: Value) -> bool {
    match values.binary_search_by_key(&place, |(place, _)| *place) {
        Ok(at) if values[at].1 == value => false,
        Ok(at) => {
            values[at].1 = value;
            true
        }
        Err(at) => {
            values.insert(at, (place, value));
            true
        }
    }
}

fn fill_in_texts(
    scene: &Scene<'_>,
    instance: &Instance,
    alerts: &mut [Alert],
    warnings: &mut Vec<StageWarning>,
) {
    let stage = instance.stage;
    for alert in alerts {
        let Some(raised_by) = alert_action(scene.definition, stage, alert.action) else {
            continue;
        };
        let filled = fill_in(
            scene.root,
            (scene.definition, scene.call),
            instance,
            (raised_by, scene.form),
        );
        let warning = |name: &String| StageWarning {
            stage,
            action: alert.action,
            kind: StageWarningKind::MissingValue,
            name: name.as_str().into(),
        };
        warnings.extend(filled.missing.iter().map(warning));
        alert.text = filled.text.into();
    }
}

/// Raises an alert. A team that a version names is never removed, so it is always found. Nobody
/// could see an alert without a team.
pub(super) fn raise(
    scene: &Scene<'_>,
    entered_at: Time,
    alert: &AlertAction,
    (at, text): (u16, Box<str>),
) -> Option<Alert> {
    let clock = scene
        .root
        .clock(scene.definition, alert.calendar.as_deref());
    let mut raised = Alert {
        action: at,
        text,
        team: scene.root.teams.place(&alert.team)?,
        added_teams: Box::default(),
        priority: alert.priority,
        counts_from: Some(scene.counts_from)
            .filter(|from| alert.due.is_some() && *from != entered_at),
        due: alert.due.map(|span| clock.after(scene.counts_from, span)),
        escalates_at: None,
        escalated: 0,
        seen: None,
        snooze: None,
    };
    raised.escalates_at = escalate::next(alert, &raised, scene.counts_from, clock);
    Some(raised)
}

fn follow(
    definition: &Definition,
    instance: &mut Instance,
    link: &LinkAction,
    stage: u32,
    at: u16,
) -> Ends {
    let target = match &link.at_most {
        None => &link.to,
        Some(limit) => {
            let followed = instance
                .links
                .iter()
                .find(|count| count.stage == stage && count.action == at);
            if followed.map_or(0, |count| count.times) < limit.times {
                add_one(&mut instance.links, stage, at);
                &link.to
            } else {
                &limit.otherwise
            }
        }
    };
    definition
        .stage_of(target)
        .map_or(Ends::Here, |stage| Ends::LinksTo(stage.number))
}

/// Adds one to a count of a stage.
pub(super) fn add_one(counts: &mut Box<[Count]>, stage: u32, action: u16) {
    if let Some(count) = counts
        .iter_mut()
        .find(|count| count.stage == stage && count.action == action)
    {
        count.times = count.times.saturating_add(1);
    } else {
        let mut grown = std::mem::take(counts).into_vec();
        grown.push(Count {
            stage,
            action,
            times: 1,
        });
        *counts = grown.into();
    }
}
