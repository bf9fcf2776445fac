//! Enters a stage again after a migration. Running alerts and timers are kept. New actions of the
//! stage begin.

use aftercall_definition::Stage;
use aftercall_definition::escalation::Firings;
use aftercall_definition::model::{AlertAction, TimerAction};
use aftercall_definition::time::Time;

use crate::decide::arm::arm;
use crate::decide::enter::{Armed, is_condition_true, raise};
use crate::decide::scene::Scene;
use crate::decide::unattended::until_of;
use crate::entry::{StageWarning, StageWarningKind};
use crate::instance::{Alert, Instance, Status, Timer};
use crate::query::fill_in;

/// What is kept of a stage that is entered again, by the places of its actions in the new version.
#[derive(Default)]
pub(super) struct Kept {
    /// Actions that were done. They are not repeated.
    pub(super) done: Vec<u16>,
    /// Actions whose condition was false.
    pub(super) skipped: Vec<u16>,
    /// Open alerts with their due times.
    pub(super) alerts: Vec<Alert>,
    /// Alerts that keep their text, because their template is the same.
    pub(super) texts: Vec<u16>,
    /// Running timers.
    pub(super) timers: Vec<Timer>,
}

/// Enters the instance's present stage again, because the new version has changed it. Keeps running
/// alerts and timers, and begins new actions. Follows no link and no finish.
pub(super) fn reenter(
    scene: &Scene<'_>,
    instance: &mut Instance,
    stage: &Stage,
    kept: &Kept,
) -> Vec<StageWarning> {
    let mut warnings = Vec::new();
    let mut armed = Armed {
        skipped: kept.skipped.clone(),
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
        if kept.skipped.contains(&at) {
            continue;
        }
        if !kept.done.contains(&at) && !is_condition_true(scene, instance, action, &mut warn) {
            armed.skipped.push(at);
            continue;
        }
        // Actions of other kinds are done only once, or wait for a push.
        if let Some(alert) = action.alert() {
            let alert = raise_or_keep(scene, instance, (at, alert), kept, &mut warn);
            armed.alerts.extend(alert);
        }
        if let Some(timer) = action.timer() {
            let timer = arm_or_keep(scene, instance, (at, timer), kept, &mut warn);
            armed.timers.push(timer);
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

/// The alert of an action: the kept one, or a new one. Fills its text in, unless the text is kept.
fn raise_or_keep(
    scene: &Scene<'_>,
    instance: &Instance,
    (at, action): (u16, &AlertAction),
    kept: &Kept,
    warn: &mut impl FnMut(StageWarningKind, &str),
) -> Option<Alert> {
    let old = kept.alerts.iter().find(|alert| alert.action == at);
    let kept_text = old.filter(|_| kept.texts.contains(&at));
    let text = match kept_text {
        Some(alert) => alert.text.clone(),
        None => {
            let form = instance.form().unwrap_or_default();
            let source = (scene.definition, scene.call);
            let filled = fill_in(scene.root, source, instance, (action, form));
            for name in &filled.missing {
                warn(StageWarningKind::MissingValue, name);
            }
            filled.text.into()
        }
    };
    let raised = raise(scene, instance.entered_at, action, (at, text))?;
    Some(match old {
        Some(old) => with_new_text(scene, action, raised, old, instance.entered_at),
        None => raised,
    })
}

/// The timer of an action: the kept one, or a new one.
fn arm_or_keep(
    scene: &Scene<'_>,
    instance: &Instance,
    (at, action): (u16, &TimerAction),
    kept: &Kept,
    warn: &mut impl FnMut(StageWarningKind, &str),
) -> Timer {
    let old = kept.timers.iter().find(|timer| timer.action == at);
    let timer = old
        .copied()
        .unwrap_or_else(|| arm(scene, instance, (at, action), warn));
    Timer {
        waits_for_claim: action.waits_for_claim,
        ..timer
    }
}

/// A kept alert with its new text. Its due time is kept, and so is everything that people did with
/// it.
fn with_new_text(
    scene: &Scene<'_>,
    action: &AlertAction,
    raised: Alert,
    old: &Alert,
    entered_at: Time,
) -> Alert {
    let mut alert = Alert {
        text: raised.text,
        ..old.clone()
    };
    if let Some(seen) = &mut alert.seen {
        let until = || until_of(scene.root, scene.definition, action, scene.counts_from);
        seen.until = seen.until.or_else(until);
    }
    if alert.due.is_none() {
        (alert.counts_from, alert.due, alert.escalates_at) =
            (raised.counts_from, raised.due, raised.escalates_at);
    } else if let Some(due) = alert.due.filter(|_| alert.escalates_at.is_none()) {
        let clock = scene
            .root
            .clock(scene.definition, action.calendar.as_deref());
        let firings = Firings::new(action, alert.counts_from.unwrap_or(entered_at), clock);
        alert.escalated += firings.passed(due, alert.escalated, scene.counts_from);
        alert.escalates_at = firings.at(due, alert.escalated).map(|(at, _)| at);
    }
    alert
}
