//! Taking a stage up again that another version has changed: what stood goes on, what is new
//! begins.

use aftercall_definition::escalation::Firings;
use aftercall_definition::model::AlertAction;
use aftercall_definition::time::Time;
use aftercall_definition::{ActionKind, Stage};

use crate::decide::arm::arm;
use crate::decide::enter::{Armed, holds, raise};
use crate::decide::scene::Scene;
use crate::entry::{StageWarning, StageWarningKind};
use crate::instance::{Alert, Instance, Status, Timer};
use crate::query::fill_in;

/// What of a stage goes on where it is not entered but taken up again, by the places of its
/// actions.
#[derive(Default)]
pub(super) struct Again {
    /// Actions that were done, and are not done once more.
    pub(super) done: Vec<u16>,
    /// Actions whose condition did not hold.
    pub(super) skipped: Vec<u16>,
    /// Alerts that stand, with their dues.
    pub(super) alerts: Vec<Alert>,
    /// Alerts whose text is filled in from the same template.
    pub(super) texts: Vec<u16>,
    /// Timers that run.
    pub(super) timers: Vec<Timer>,
}

/// Takes a stage up again that was changed: what stood goes on, what is new begins. Nothing leads
/// on from it at once.
pub(super) fn enter_again(
    scene: &Scene<'_>,
    instance: &mut Instance,
    stage: &Stage,
    again: &Again,
) -> Vec<StageWarning> {
    let mut warnings = Vec::new();
    let mut armed = Armed {
        skipped: again.skipped.clone(),
        ..Armed::default()
    };
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
        let is_known = again.done.contains(&at);
        if again.skipped.contains(&at) {
            continue;
        }
        if !is_known && !holds(scene, instance, action, &mut warn) {
            armed.skipped.push(at);
            continue;
        }
        match &action.kind {
            ActionKind::Alert(alert) => {
                let stood = again.alerts.iter().find(|stood| stood.action == at);
                let text = stood
                    .filter(|_| again.texts.contains(&at))
                    .map(|stood| &stood.text);
                let text = text.cloned().unwrap_or_else(|| {
                    let form = instance.form().unwrap_or_default();
                    let filled = fill_in(
                        scene.root,
                        (scene.definition, scene.call),
                        instance,
                        (alert, form),
                    );
                    filled
                        .missing
                        .iter()
                        .for_each(|name| warn(StageWarningKind::MissingValue, name));
                    filled.text.into()
                });
                let raised = raise(scene, instance.entered_at, alert, (at, text));
                armed.alerts.extend(
                    raised.map(|raised| taken_up(scene, alert, raised, stood, instance.entered_at)),
                );
            }
            ActionKind::Timer(timer) => {
                let runs = again.timers.iter().find(|runs| runs.action == at);
                let runs = runs
                    .copied()
                    .unwrap_or_else(|| arm(scene, instance, (at, timer), &mut warn));
                armed.timers.push(Timer {
                    waits_for_claim: timer.waits_for_claim,
                    ..runs
                });
            }
            ActionKind::Button(_)
            | ActionKind::SetField(_)
            | ActionKind::Link(_)
            | ActionKind::Finish(_) => {}
        }
    }
    if instance.status != Status::Paused {
        instance.status = Status::Active;
    }
    armed.skipped.sort_unstable();
    instance.alerts = armed.alerts.into();
    instance.timers = armed.timers.into();
    instance.skipped = armed.skipped.into();
    warnings
}

/// An alert that stood, with the text that it has now; its due and all that people did with it
/// stay.
fn taken_up(
    scene: &Scene<'_>,
    action: &AlertAction,
    raised: Alert,
    stood: Option<&Alert>,
    entered_at: Time,
) -> Alert {
    let Some(stood) = stood else { return raised };
    let mut alert = Alert {
        text: raised.text,
        ..stood.clone()
    };
    if alert.due.is_none() {
        (alert.counts_from, alert.due, alert.escalates_at) =
            (raised.counts_from, raised.due, raised.escalates_at);
    } else if let Some(due) = alert.due.filter(|_| alert.escalates_at.is_none()) {
        let clock = scene
            .root
            .clock(scene.definition, action.calendar.as_deref());
        let firings = Firings::of(action, alert.counts_from.unwrap_or(entered_at), clock);
        alert.escalated += firings.passed(due, alert.escalated, scene.counts_from);
        alert.escalates_at = firings.at(due, alert.escalated).map(|(at, _)| at);
    }
    alert
}
