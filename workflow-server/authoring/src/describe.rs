//! Describes actions in words, for pages and the command line.
//!
//! No program may parse these words, because they may change.

use aftercall_definition::model::{
    Action, ActionKind, AlertAction, ButtonAction, EscalationStep, LinkAction, NO_CALENDAR,
    NoteRule, Raise, StepTime, TimerAction, TimerStart,
};

/// How many characters of an alert's text are shown.
pub(super) const TEXT_CHARS_MAX: usize = 60;

/// Describes the action in one line.
#[must_use]
pub fn describe_action(action: &Action) -> String {
    let words = match &action.kind {
        ActionKind::Alert(alert) => describe_alert(alert),
        ActionKind::Button(button) => describe_button(button),
        ActionKind::Timer(timer) => describe_timer(timer),
        ActionKind::Link(link) => describe_link(link),
        ActionKind::Finish(finish) => format!("Finish: {}", finish.outcome),
        ActionKind::SetField(set) => format!("Set {} to {}", set.field, shortened(set.to.source())),
    };
    match &action.when {
        None => words,
        Some(when) => format!("If {}: {words}", shortened(when.source())),
    }
}

/// The action in a few words, for its line in a box of a diagram. `None` for actions that a diagram
/// shows as arrows.
pub(super) fn summarize_action(action: &Action) -> Option<String> {
    match &action.kind {
        ActionKind::Alert(alert) => {
            let due = alert.due.map_or_else(String::new, |due| format!(", {due}"));
            let text = without_code(alert.text.source());
            Some(format!("{}{due}: {text}", alert.team))
        }
        ActionKind::Finish(finish) => Some(format!("finish: {}", finish.outcome)),
        ActionKind::SetField(set) => Some(format!("{} = {}", set.field, set.to.source())),
        ActionKind::Button(_) | ActionKind::Timer(_) | ActionKind::Link(_) => None,
    }
}

/// A text with the names of its placeholders instead of their code: `Refund ‹amount› for ‹name›`.
fn without_code(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        shown.push_str(&rest[..at]);
        let (is_place, inside) = (rest[at..].starts_with("{{"), &rest[at + 2..]);
        let Some(end) = inside.find(if is_place { "}}" } else { "%}" }) else {
            return shown + &rest[at..];
        };
        if is_place {
            let path = inside[..end].split('|').next().unwrap_or_default().trim();
            let name = path.rsplit('.').next().unwrap_or(path);
            shown.push_str(&format!("‹{name}›"));
        }
        rest = &inside[end + 2..];
    }
    shown + rest
}

/// Puts a text on one line, and shortens it.
pub(super) fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = words.char_indices().nth(TEXT_CHARS_MAX) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

/// For example ", by the calendar office". Empty without a calendar.
fn by_calendar(calendar: Option<&str>) -> String {
    match calendar {
        None => String::new(),
        Some(NO_CALENDAR) => " by the wall clock".to_owned(),
        Some(name) => format!(" by the calendar {name}"),
    }
}

fn describe_alert(alert: &AlertAction) -> String {
    let due = alert.due.map_or_else(String::new, |due| {
        format!(", due in {due}{}", by_calendar(alert.calendar.as_deref()))
    });
    let words = shortened(alert.text.source());
    let steps: Vec<String> = alert.escalate.iter().map(describe_step).collect();
    let escalates = if steps.is_empty() {
        String::new()
    } else {
        format!("; escalates {}", steps.join(", then "))
    };
    let seen_for = alert.seen_for.map_or_else(String::new, |span| {
        format!("; new again {span} after it was seen")
    });
    format!(
        "Alert {} ({}{due}{escalates}{seen_for}): {words}",
        alert.team,
        alert.priority.word()
    )
}

fn describe_step(step: &EscalationStep) -> String {
    let when = match step.at {
        StepTime::Share(share) => format!("at {share}%"),
        StepTime::Due => "at due".to_owned(),
        StepTime::After(span) => format!("{span} after due"),
    };
    let again = step
        .again
        .map(|again| format!("every {}, {} times", again.every, again.times));
    let priority = step.priority.map(|raise| match raise {
        Raise::To(priority) => format!("to {}", priority.word()),
        Raise::ByOne => "by one priority".to_owned(),
    });
    let team = step.team.as_ref().map(|team| format!("to team {team}"));
    let added = step
        .add_team
        .as_ref()
        .map(|team| format!("also to team {team}"));
    [Some(when), again, priority, team, added]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

fn describe_button(button: &ButtonAction) -> String {
    let mut asks = Vec::new();
    asks.extend(
        button
            .confirmation
            .as_ref()
            .map(|question| format!("asks \"{}\"", shortened(question))),
    );
    if button.note == NoteRule::Required {
        asks.push("note required".to_owned());
    }
    if !button.form.is_empty() {
        let names: Vec<&str> = button
            .form
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        asks.push(format!("form: {}", names.join(", ")));
    }
    let asks = if asks.is_empty() {
        String::new()
    } else {
        format!(" ({})", asks.join("; "))
    };
    format!("Button \"{}\"{asks} → {}", button.label, button.event)
}

fn describe_timer(timer: &TimerAction) -> String {
    let from = match &timer.from {
        TimerStart::Stage => "in this stage".to_owned(),
        TimerStart::Start => "from the start".to_owned(),
        TimerStart::Field(field) => format!("from {field}"),
    };
    let when = match (timer.after, timer.at) {
        (Some(after), None) => format!("after {after} {from}"),
        (Some(after), Some(at)) => format!("after {after} {from}, at {at}"),
        (None, Some(at)) => format!("at {at} {from}"),
        (None, None) => from,
    };
    let calendar = by_calendar(timer.calendar.as_deref());
    let waits = if timer.waits_for_claim {
        ", once nobody holds it"
    } else {
        ""
    };
    format!("Timer: {when}{calendar}{waits} → {}", timer.event)
}

fn describe_link(link: &LinkAction) -> String {
    match &link.at_most {
        None => format!("Link → {}", link.to),
        Some(at_most) => format!(
            "Link → {}, at most {} times, then → {}",
            link.to, at_most.times, at_most.otherwise
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::describe_action;
    use crate::file::read;

    fn check(action: &str, expected: &str) {
        let text = format!("format: 1\nworkflow: w\ntitle: T\non_new_call:\n  - {action}\n");
        let definition = read(&text, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(describe_action(&definition.stages[0].actions[0]), expected);
    }

    #[test]
    fn actions_are_described_in_plain_words() {
        check(
            r#"alert: { text: "Refund {{ fields.amount }}\nfor {{ call.caller.name }}", team: billing, priority: high, due: 4h }"#,
            "Alert billing (high, due in 4h): Refund {{ fields.amount }} for {{ call.caller.name }}",
        );
        check(
            &format!("alert: {{ text: {}, team: care }}", "word ".repeat(20)),
            "Alert care (normal): word word word word word word word word word word word word …",
        );
        check(
            "alert: { text: Ring, team: care, due: 4h, seen-for: 15m }",
            "Alert care (normal, due in 4h; new again 15m after it was seen): Ring",
        );
        check("button: Approve", "Button \"Approve\" → approve");
        check(
            "{ button: Paid, id: p, confirm: Sure?, note: required, form: { reference: { type: text } } }",
            "Button \"Paid\" (asks \"Sure?\"; note required; form: reference) → p",
        );
        check("timer: 90s", "Timer: after 90s in this stage → after-90s");
        check(
            "timer: { after: 3d, from: start }",
            "Timer: after 3d from the start → after-3d",
        );
        check(
            "timer: { after: 2h, wait-for-claim: true }",
            "Timer: after 2h in this stage, once nobody holds it → after-2h",
        );
        check("link: pay-out", "Link → pay-out");
        check(
            "link: { to: new-call, max: 3, else: x }",
            "Link → new-call, at most 3 times, then → x",
        );
        check("finish: done", "Finish: done");
    }
}
