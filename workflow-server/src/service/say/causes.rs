//! A change as the history and the feed show it: why it happened, with the people, teams, alerts
//! and follow-ups that it is about.

use aftercall_definition::Definition;
use aftercall_definition::value::Value;
use aftercall_engine::actor::Actor;
use aftercall_engine::entry::{
    About, After, Answer, ChangeKind, Details, Entry, InstanceChange, OF_ALERT, TO_PERSON, TO_TEAM,
};
use aftercall_engine::instance::{Instance, Status};
use aftercall_engine::limits::STAGE_WARNINGS_MAX;
use aftercall_proto::workflow::v1 as proto;

use crate::service::say::convert::{
    actor, change_kind, stage_of_version, status, timestamp, value,
};
use crate::service::view::Names;

/// The values of a cause by name; those that the entry does not hold are found in what it changed.
type Values = Vec<(Box<str>, Value)>;

/// Why something changed. The details belong to the change that the command was about.
pub(crate) fn cause(
    names: &Names,
    entry: &Entry,
    change: Option<&InstanceChange>,
    definition: Option<&Definition>,
) -> proto::Cause {
    let kind = change.map_or(entry.kind, |change| change.kind);
    // What runs on a call is stored as touched by an update, also where the call ended.
    let is_end = (entry.kind, kind) == (ChangeKind::CallEnded, ChangeKind::CallUpdated);
    let kind = if is_end { ChangeKind::CallEnded } else { kind };
    let details = if kind == entry.kind {
        entry.details.clone()
    } else {
        Details::default()
    };
    let event = definition
        .and_then(|definition| definition.stage(details.event_stage))
        .map(|stage| &stage.event);
    let mut values = details.values.into_vec();
    if let Some(change) = change {
        complete(&mut values, names, entry, change);
    }
    proto::Cause {
        kind: change_kind(kind).into(),
        event_id: event.map_or_else(String::new, |event| event.id.clone()),
        title: event.map_or_else(String::new, |event| event.label.clone()),
        note: details.note.to_string(),
        sensitive_values: sensitive_values(definition, &values),
        values: values
            .iter()
            .map(|(name, held)| (name.to_string(), value(held)))
            .collect(),
    }
}

/// The names of the values that are of a sensitive field.
fn sensitive_values(definition: Option<&Definition>, values: &Values) -> Vec<String> {
    let is_sensitive =
        |name: &&str| definition.is_some_and(|definition| definition.has_sensitive_field(name));
    let names = values.iter().map(|(name, _)| &**name);
    names.filter(is_sensitive).map(str::to_owned).collect()
}

/// Adds whom and what a change is about.
fn complete(values: &mut Values, names: &Names, entry: &Entry, change: &InstanceChange) {
    let holder = change
        .before
        .as_ref()
        .map(|before| &*before.holder)
        .filter(|holder| !holder.is_empty());
    match change.kind.about() {
        About::Nothing => {}
        About::Recipient => {
            if values.is_empty() {
                // Entries of earlier servers do not name the recipient; the instance shows it.
                values.extend(
                    change
                        .after
                        .whole()
                        .and_then(|after| recipient(names, after)),
                );
            }
            let is_news =
                |holder: &&str| **holder != *entry.actor.name && !has_text(values, holder);
            put(values, "from", holder.filter(is_news));
        }
        About::PreviousHolder => put(
            values,
            "from",
            holder.filter(|holder| **holder != *entry.actor.name),
        ),
        About::Holder => put(values, "holder", holder),
        About::Successor => {
            if let Answer::Set { instance, .. } = &entry.answer {
                values.push(("by".into(), Value::Text(instance.to_string().into())));
            }
        }
        About::Alert => {
            show_alert(values, change.after.whole().map(|after| &**after));
        }
    }
}

fn put(values: &mut Values, name: &str, person: Option<&str>) {
    values.extend(person.map(|person| (name.into(), Value::Text(person.into()))));
}

fn has_text(values: &Values, text: &str) -> bool {
    values
        .iter()
        .any(|(_, held)| matches!(held, Value::Text(one) if **one == *text))
}

/// To whom an instance has been handed over: who holds it, else the team that its alerts are for.
fn recipient(names: &Names, after: &Instance) -> Option<(Box<str>, Value)> {
    if let Some(claim) = &after.claim {
        return Some((TO_PERSON.into(), Value::Text(claim.by.clone())));
    }
    let team = names.teams().at(after.alerts.first()?.team)?;
    Some((TO_TEAM.into(), Value::Text(team.name.as_str().into())))
}

/// An entry names an alert by its action; people know it by its text.
fn show_alert(values: &mut Values, after: Option<&Instance>) {
    let Some(place) = values.iter().position(|(name, _)| **name == *OF_ALERT) else {
        return;
    };
    let (name, action) = values.remove(place);
    let alerts = after.map(|after| &after.alerts[..]).unwrap_or_default();
    if let Value::Number(number) = action
        && let Some(alert) = alerts
            .iter()
            .find(|alert| f64::from(alert.action) == number)
    {
        values.push((name, Value::Text(alert.text.clone())));
    }
}

/// An actor with the id that differs for two of one name.
fn with_subject(who: &Actor) -> proto::Actor {
    proto::Actor {
        subject: who.subject.as_deref().unwrap_or_default().to_owned(),
        ..actor(who)
    }
}

/// One line of history.
pub(crate) fn history_item(
    names: &Names,
    entry: &Entry,
    change: Option<&InstanceChange>,
) -> proto::HistoryItem {
    let after = change.map(|change| &change.after);
    let pinned = after.map(|after| (after.workflow(), after.version()));
    let workflow = after.and_then(|after| names.workflows().at(after.workflow()));
    let definition = workflow
        .zip(pinned)
        .and_then(|(workflow, (_, version))| workflow.version(version));
    let from = change
        .and_then(|change| change.before.as_ref())
        .map(|before| before.stage);
    let entered = change.map_or(&[][..], |change| &change.entered);
    proto::HistoryItem {
        sequence: entry.sequence,
        at: Some(timestamp(entry.at)),
        actor: Some(with_subject(&entry.actor)),
        cause: Some(cause(
            names,
            entry,
            change,
            definition.map(|version| &*version.definition),
        )),
        instance_id: after.map_or_else(String::new, |after| after.id().to_string()),
        workflow: workflow.map_or_else(String::new, |workflow| workflow.name.clone()),
        from_stage: pinned
            .zip(from)
            .and_then(|(pinned, from)| stage_of_version(names, pinned, from)),
        entered_stages: pinned.map_or_else(Vec::new, |pinned| {
            entered
                .iter()
                .filter_map(|number| stage_of_version(names, pinned, *number))
                .collect()
        }),
        status: after
            .map_or(proto::Status::Unspecified, |after| status(after.status()))
            .into(),
        outcome: after
            .filter(|after| after.status() == Status::Finished)
            .map_or_else(String::new, |after| after.ending().to_owned()),
        warnings: change.map_or_else(Vec::new, |change| {
            change
                .warnings
                .iter()
                .take(STAGE_WARNINGS_MAX)
                .map(ToString::to_string)
                .collect()
        }),
        version: after.map_or(0, After::version),
        rewritten_texts: change.map_or_else(Vec::new, rewritten_texts),
    }
}

fn rewritten_texts(change: &InstanceChange) -> Vec<String> {
    let alerts = change
        .after
        .whole()
        .map(|instance| &instance.alerts[..])
        .unwrap_or_default();
    let rewritten = alerts
        .iter()
        .filter(|alert| change.rewritten.contains(&alert.action));
    rewritten.map(|alert| alert.text.to_string()).collect()
}
