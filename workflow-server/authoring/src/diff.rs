//! Describes the differences between two definitions in sentences for people.
//!
//! Promises: equal definitions give no sentence. Different ones give at least one.

use std::collections::BTreeSet;

use aftercall_definition::counterparts::counterparts;
use aftercall_definition::model::{Action, Definition, Stage};
use aftercall_definition::time::Span;
use aftercall_definition::value::FieldDeclaration;

use crate::describe::{TEXT_CHARS_MAX, describe_action, shortened};

/// All differences, in the order of the stages.
#[must_use]
pub fn diff(old: &Definition, new: &Definition) -> Vec<String> {
    let mut said = Vec::new();
    header(old, new, &mut said);
    fields("the field", &old.fields, &new.fields, &mut said);
    let numbers: BTreeSet<u32> = old
        .stages
        .iter()
        .chain(&new.stages)
        .map(|stage| stage.number)
        .collect();
    for number in numbers {
        match (old.stage(number), new.stage(number)) {
            (Some(old), Some(new)) => changed_stage(old, new, &mut said),
            (Some(old), None) => said.push(format!("{} is gone", name(old))),
            (None, Some(new)) => {
                let does: Vec<String> = new.actions.iter().map(describe_action).collect();
                said.push(format!(
                    "{} is new: {}",
                    name(new),
                    or_nothing(&does.join("; "))
                ));
            }
            (None, None) => {}
        }
    }
    if said.is_empty() && old != new {
        said.push("it is written differently".to_owned());
    }
    said
}

/// The stage numbers of events that only the old definition has.
#[must_use]
pub fn vanished(old: &Definition, new: &Definition) -> Vec<u32> {
    let is_there = |stage: &&Stage| {
        new.stages
            .iter()
            .any(|other| other.event.id == stage.event.id)
    };
    old.stages
        .iter()
        .filter(|stage| !is_there(stage))
        .map(|stage| stage.number)
        .collect()
}

fn name(stage: &Stage) -> String {
    format!("stage {} \"{}\"", stage.number, stage.title())
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn header(old: &Definition, new: &Definition, said: &mut Vec<String>) {
    let span = |span: Option<Span>| span.map_or_else(|| "none".to_owned(), |span| span.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let flag = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    let parts = [
        ("the name", old.name.clone(), new.name.clone()),
        ("the title", old.title.clone(), new.title.clone()),
        ("the deadline", span(old.deadline), span(new.deadline)),
        ("the retention", span(old.retention), span(new.retention)),
        ("the calendar", text(&old.calendar), text(&new.calendar)),
        (
            "allow_unlinked_ends",
            flag(old.allow_unlinked_ends),
            flag(new.allow_unlinked_ends),
        ),
    ];
    let changed = parts.into_iter().filter(|(_, old, new)| old != new);
    said.extend(changed.map(|(what, old, new)| format!("{what} was {old}, and is {new}")));
}

/// Compares fields; `what` is the word for one of them.
fn fields(what: &str, old: &[FieldDeclaration], new: &[FieldDeclaration], said: &mut Vec<String>) {
    for field in old {
        match new.iter().find(|other| other.name == field.name) {
            None => said.push(format!("{what} {} is gone", field.name)),
            Some(other) if other != field => {
                said.push(format!(
                    "{what} {} was {}, and is {}",
                    field.name,
                    field.described(),
                    other.described()
                ));
            }
            Some(_) => {}
        }
    }
    for field in new
        .iter()
        .filter(|field| old.iter().all(|other| other.name != field.name))
    {
        said.push(format!(
            "{what} {} is new: {}",
            field.name,
            field.described()
        ));
    }
    let order = |fields: &[FieldDeclaration]| {
        fields
            .iter()
            .map(|field| field.name.clone())
            .collect::<Vec<_>>()
    };
    let (mut before, mut after) = (order(old), order(new));
    let moved = before != after;
    before.sort();
    after.sort();
    if moved && before == after {
        said.push(format!("{what}s are in another order"));
    }
}

fn changed_stage(old: &Stage, new: &Stage, said: &mut Vec<String>) {
    changed_event(old, new, said);
    if old.actions != new.actions {
        changed_actions(old, new, said);
    }
}

fn changed_event(old: &Stage, new: &Stage, said: &mut Vec<String>) {
    if old.event.id != new.event.id {
        said.push(format!(
            "{} was the event {}, and is {}",
            name(new),
            old.event.id,
            new.event.id
        ));
    }
    if old.title() != new.title() {
        said.push(format!("{} was called \"{}\"", name(new), old.title()));
    } else if old.event.stage_title.is_some() != new.event.stage_title.is_some() {
        let has = if new.event.stage_title.is_some() {
            "has its title written out"
        } else {
            "has no title of its own"
        };
        said.push(format!("{} {has}", name(new)));
    }
    if old.event.label != new.event.label && new.event.stage_title.is_some() {
        said.push(format!(
            "what leads to {} was called \"{}\", and is \"{}\"",
            name(new),
            old.event.label,
            new.event.label
        ));
    }
}

fn changed_actions(old: &Stage, new: &Stage, said: &mut Vec<String>) {
    let counterparts = counterparts(&old.actions, &new.actions);
    for (action, at) in new.actions.iter().zip(&counterparts) {
        match at.map(|at| &old.actions[at]) {
            None => said.push(format!("{} gained: {}", name(new), describe_action(action))),
            Some(was) if was != action => {
                said.push(format!("{} changed: {}", name(new), change(was, action)));
            }
            Some(_) => {}
        }
    }
    let lost = old
        .actions
        .iter()
        .enumerate()
        .filter(|(at, _)| !counterparts.contains(&Some(*at)));
    said.extend(lost.map(|(_, action)| format!("{} lost: {}", name(new), describe_action(action))));
    if !counterparts.iter().flatten().is_sorted() {
        said.push(format!("{} does its actions in another order", name(new)));
    }
}

fn change(old: &Action, new: &Action) -> String {
    let (before, after) = (describe_action(old), describe_action(new));
    let details = details(old, new);
    let changed = if before == after {
        after
    } else {
        format!("{before}; now: {after}")
    };
    if details.is_empty() {
        changed
    } else {
        format!("{changed}; {details}")
    }
}

/// The differences between two actions that their descriptions do not show: the form, and the text
/// after the end of the line.
fn details(old: &Action, new: &Action) -> String {
    let mut said = Vec::new();
    let mut text = |what: &str, old: &str, new: &str| {
        let in_a_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (one, other) = (in_a_line(old), in_a_line(new));
        if one == other && old != new {
            said.push(format!("{what} has other spaces or lines"));
        } else {
            said.extend(beyond_the_line(&one, &other).map(|words| format!("{what} {words}")));
        }
    };
    for (key, old) in old.expressions() {
        let what = if key == "when" {
            "its condition".to_owned()
        } else {
            format!("its `{key}`")
        };
        let same = new.expressions().filter(|(other, _)| *other == key);
        same.for_each(|(_, new)| text(&what, old.source(), new.source()));
    }
    for (key, old) in old.texts() {
        let same = new.texts().filter(|(other, _)| *other == key);
        same.for_each(|(_, new)| text(&format!("its {key}"), old.source(), new.source()));
    }
    if let Some((old, new)) = old.button().zip(new.button()) {
        if let (Some(old), Some(new)) = (&old.confirmation, &new.confirmation) {
            text("its question", old, new);
        }
        fields("its form's field", &old.form, &new.form, &mut said);
    }
    said.join("; ")
}

/// The difference after the end of the line, shortened to a line. `None` if the line shows all of
/// the difference.
fn beyond_the_line(old: &str, new: &str) -> Option<String> {
    const BEFORE_CHARS: usize = 20;
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let before = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let left = old.len().min(new.len()) - before;
    let after = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(left)
        .take_while(|(old, new)| old == new)
        .count();
    if (old.len() - after).max(new.len() - after) <= TEXT_CHARS_MAX {
        return None;
    }
    // The description already shows an earlier difference.
    let start = before.max(TEXT_CHARS_MAX) - BEFORE_CHARS;
    let part = |text: &[char]| shortened(&text.iter().skip(start).collect::<String>());
    let (old, new) = (part(&old), part(&new));
    match (old.is_empty(), new.is_empty()) {
        (true, _) => Some(format!("continues \"…{new}\"")),
        (_, true) => Some(format!("no longer continues \"…{old}\"")),
        (false, false) => (old != new).then(|| format!("said \"…{old}\", and says \"…{new}\"")),
    }
}
