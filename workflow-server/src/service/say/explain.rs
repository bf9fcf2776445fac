//! Why an instance waits, since when, and what would move it: in plain words, for somebody who was
//! woken up.

use std::collections::BTreeSet;

use aftercall_definition::time::{Time, WallClock, duration_in_words};
use aftercall_definition::{Action, Definition};
use aftercall_engine::instance::{Alert, Instance, Status};
use aftercall_engine::query::buttons;

use crate::service::view::Names;

/// What time it is, and by whose clock times are shown.
pub(crate) struct Clock {
    pub(crate) now: Time,
    pub(crate) wall: WallClock,
}

impl Clock {
    /// A moment, with the zone.
    fn shown(&self, moment: Time) -> String {
        self.wall.show_seconds(moment)
    }

    /// `in 3 h 10 min (at …)`, or `2 d 4 h ago (at …)`.
    fn in_words(&self, moment: Time) -> String {
        let distance = duration_in_words(moment.0.abs_diff(self.now.0));
        let at = self.shown(moment);
        if moment > self.now {
            format!("in {distance} (at {at})")
        } else {
            format!("{distance} ago (at {at})")
        }
    }
}

/// Sentences, the most important first.
pub(crate) fn explain(
    names: &Names,
    instance: &Instance,
    clock: &Clock,
    clock_held: bool,
) -> Vec<String> {
    let mut sentences = match instance.status {
        Status::Active | Status::Paused if !names.is_waiting(instance) => {
            nothing_waits(names, instance, clock)
        }
        Status::WaitingForCallEnd => vec![waits_for_call(instance, clock)],
        Status::Active => active(names, instance, clock),
        Status::Paused => paused(names, instance, clock),
        Status::Incomplete => incomplete(names, instance, clock),
        Status::Finished => vec![format!(
            "It finished with the outcome \"{}\" in {}{}; nothing moves it any more.",
            instance.ending,
            stage_name(names, instance),
            at(instance.ended_at, clock)
        )],
        Status::Cancelled => vec![format!(
            "It was cancelled{}: {}.",
            at(instance.ended_at, clock),
            instance.ending
        )],
    };
    let is_released = names
        .call_of(instance)
        .is_some_and(|call| call.ended_at.is_some());
    if clock_held && (!instance.timers.is_empty() || instance.release_at.is_some() && !is_released)
    {
        sentences.push(
            "Its timers are held, because the server's clock jumped: they wait until it returns, or until ops accepts it."
                .to_owned(),
        );
    }
    if !instance.status.is_ended() {
        sentences.extend(due(
            instance,
            &Clock {
                now: instance.clock(clock.now),
                wall: clock.wall.clone(),
            },
        ));
        sentences.extend(
            instance
                .is_snoozed()
                .then(|| "No list shows it, because all of its alerts are snoozed.".to_owned()),
        );
        sentences.extend(worked(instance, clock));
        sentences.extend(hidden(names, instance));
    }
    sentences
}

fn incomplete(names: &Names, instance: &Instance, clock: &Clock) -> Vec<String> {
    let (name, since) = (
        stage_name(names, instance),
        clock.shown(instance.entered_at),
    );
    let outcomes = names
        .definition_of(instance)
        .map_or_else(String::new, |definition| outcomes(definition));
    let end = format!(
        "It ran into the unlinked end {name} at {since}: nothing in its workflow moves it on."
    );
    let advice = format!(
        "Finish it with an outcome{outcomes}, move it to another stage, or cancel it with a reason."
    );
    [end, advice]
        .into_iter()
        .chain(held(instance, clock))
        .collect()
}

/// The outcomes that the workflow itself ends with, each once.
fn outcomes(definition: &Definition) -> String {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    let outcomes: BTreeSet<&str> = actions
        .filter_map(Action::finish)
        .map(|finish| finish.outcome.as_str())
        .collect();
    let all: Vec<&str> = outcomes.into_iter().collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(" (its workflow has {})", all.join(", "))
    }
}

fn held(instance: &Instance, clock: &Clock) -> Option<String> {
    let claim = instance.claim_at(clock.now)?;
    let (since, until) = (clock.shown(claim.since), clock.in_words(claim.until));
    Some(format!(
        "{} holds it since {since}; the lease ends {until}.",
        claim.by
    ))
}

fn at(time: Option<Time>, clock: &Clock) -> String {
    time.map_or_else(String::new, |time| format!(" at {}", clock.shown(time)))
}

fn stage_name(names: &Names, instance: &Instance) -> String {
    let stage = names
        .definition_of(instance)
        .and_then(|definition| definition.stage(instance.stage));
    match stage {
        Some(stage) => format!("stage {} \"{}\"", stage.number, stage.title()),
        None => "no stage yet".to_owned(),
    }
}

fn waits_for_call(instance: &Instance, clock: &Clock) -> String {
    let since = clock.shown(instance.started_at);
    match instance.release_at {
        Some(release) => format!(
            "It waits, unseen, for its call to end, since {since}; it is released {} at the latest.",
            clock.in_words(release)
        ),
        None => {
            format!(
                "It waits, unseen, for its call to end, since {since}: the script engine must say so (EndCall)."
            )
        }
    }
}

fn paused(names: &Names, instance: &Instance, clock: &Clock) -> Vec<String> {
    let stage = stage_name(names, instance);
    let Some(pause) = &instance.pause else {
        return vec![format!("It is paused in {stage}.")];
    };
    let (by, since, reason) = (&pause.by, clock.shown(pause.since), &pause.reason);
    let resumes = match pause.until {
        Some(until) => format!(
            "It continues {}, or when somebody resumes it.",
            clock.in_words(until)
        ),
        None => "Somebody must resume it.".to_owned(),
    };
    vec![
        format!("It is paused in {stage} since {since} by {by}: {reason}."),
        format!("{resumes} Its buttons, timers, dues and deadline wait until then."),
    ]
}

/// An earlier version of the server could leave an instance so.
fn nothing_waits(names: &Names, instance: &Instance, clock: &Clock) -> Vec<String> {
    let (name, since) = (
        stage_name(names, instance),
        clock.shown(instance.entered_at),
    );
    vec![
        format!(
            "It is {} in {name} since {since}, and nothing moves it on: no button and no timer is there.",
            instance.status.word()
        ),
        "Move it to another stage, or cancel it with a reason.".to_owned(),
    ]
}

fn active(names: &Names, instance: &Instance, clock: &Clock) -> Vec<String> {
    let Some(definition) = names.definition_of(instance) else {
        return nothing_waits(names, instance, clock);
    };
    let buttons: Vec<String> = buttons(definition, instance)
        .map(|button| format!("\"{}\"", button.label))
        .collect();
    let teams = instance
        .alerts
        .iter()
        .flat_map(Alert::teams)
        .filter_map(|team| names.teams().at(team));
    let teams: Vec<&str> = teams.map(|team| team.name.as_str()).collect();
    let since = clock.shown(instance.entered_at);
    let by = if teams.is_empty() {
        "anybody (no team is alerted)".to_owned()
    } else {
        format!("team {}", teams.join(" or "))
    };
    let name = stage_name(names, instance);
    let mut sentences = match buttons.as_slice() {
        [] => vec![format!(
            "It waits in {name} (visit {}) since {since}; only a timer moves it.",
            instance.visit()
        )],
        [one] => {
            vec![format!(
                "It waits in {name} (visit {}) since {since} for button {one} by {by}.",
                instance.visit()
            )]
        }
        many => vec![format!(
            "It waits in {name} (visit {}) since {since} for one of the buttons {} by {by}.",
            instance.visit(),
            many.join(", ")
        )],
    };
    sentences.extend(held(instance, clock));
    sentences.extend(instance.timers.iter().map(|timer| {
        let fires_at = instance.fires_at(timer);
        let waits = if fires_at == timer.due {
            ""
        } else {
            ", when the claim ends; or when it is given back"
        };
        format!("A timer moves it {}{waits}.", clock.in_words(fires_at))
    }));
    sentences.extend(
        instance
            .alerts
            .iter()
            .flat_map(|alert| state_of_alert(instance, alert, clock)),
    );
    sentences
}

fn state_of_alert(instance: &Instance, alert: &Alert, clock: &Clock) -> Vec<String> {
    let snoozed = alert.snooze.as_ref().map(|snooze| {
        let until = clock.in_words(snooze.until);
        format!(
            "{} has snoozed the alert \"{}\": it comes back {until}.",
            snooze.by, alert.text
        )
    });
    let escalates = alert.escalates_at.map(|at| {
        format!(
            "The alert \"{}\" escalates {}.",
            alert.text,
            clock.in_words(at)
        )
    });
    let seen = alert.seen.as_ref().zip(instance.alerts_again_at(alert));
    let again = seen.map(|(seen, at)| {
        format!(
            "{} has seen the alert \"{}\": it is new again {}, unless somebody works on it.",
            seen.by,
            alert.text,
            clock.in_words(at)
        )
    });
    let sentences = snoozed.into_iter().chain(escalates);
    sentences.chain(again).collect()
}

fn due(instance: &Instance, clock: &Clock) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(due) = instance.alerts.iter().filter_map(|alert| alert.due).min() {
        let word = if due <= clock.now {
            "It is overdue: it was due"
        } else {
            "It is due"
        };
        sentences.push(format!("{word} {}.", clock.in_words(due)));
    }
    if let Some(deadline) = instance.deadline {
        let word = if deadline <= clock.now {
            "Its deadline has passed:"
        } else {
            "Its deadline is"
        };
        sentences.push(format!("{word} {}.", clock.in_words(deadline)));
    }
    sentences
}

/// What people and the caller have done about it.
fn worked(instance: &Instance, clock: &Clock) -> Vec<String> {
    let times = |count: u32| {
        if count == 1 {
            "once".to_owned()
        } else {
            format!("{count} times")
        }
    };
    let chased = (instance.chases > 0).then(|| {
        format!(
            "The caller has asked for it again {}.",
            times(instance.chases)
        )
    });
    let tried = instance.attempts.as_ref().map(|attempts| {
        let (count, outcome, at) = (times(attempts.times), &attempts.outcome, clock.shown(attempts.at));
        format!(
            "Somebody has tried to reach the caller {count}; the newest came to \"{outcome}\" at {at} ({}).",
            attempts.by
        )
    });
    chased.into_iter().chain(tried).collect()
}

fn hidden(names: &Names, instance: &Instance) -> Option<String> {
    let call = names.call_of(instance)?;
    (!call.chargeable).then(|| {
        "It is hidden from Call Managers: its call is not chargeable. Its clocks run all the same. If the call becomes chargeable, it appears as it is then.".to_owned()
    })
}
