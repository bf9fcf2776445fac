//! Sets and ends that a person is away.

use std::sync::Arc;

use aftercall_definition::FieldError;
use aftercall_definition::limits::Length::Characters;

use crate::actor::Actor;
use crate::away::Away;
use crate::command::{EndAway, SetAway};
use crate::decide::check::Check;
use crate::decide::draft::EntryDraft;
use crate::decide::when;
use crate::desk_change::DeskChange;
use crate::entry::ChangeKind;
use crate::limits;
use crate::query::can_see_away;
use crate::rejection::{Limit, Rejection};

pub(super) fn set(
    draft: &mut EntryDraft<'_>,
    command: &SetAway,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::AwaySet;
    let person = person(&command.person, actor);
    let invalid = |field: &str, message: &str| {
        Rejection::Invalid(vec![FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
        }])
    };
    if !when::is_in_reach(command.until, draft.now) {
        return Err(invalid(
            "until",
            "must be later than now, and within a year",
        ));
    }
    if *command.instead == *person {
        return Err(invalid("instead", "must be somebody else"));
    }
    let absences = &draft.root.absences;
    let known = absences.of(person, draft.now);
    check_seen(draft, known, actor)?;
    if known.is_none() && absences.at(draft.now).count() >= limits::AWAY_MAX {
        return Err(Rejection::Limit {
            limit: Limit::Away,
            max: limits::AWAY_MAX as u64,
        });
    }
    let scope = draft.reach.to_scope();
    let is_same = |away: &&Arc<Away>| {
        let counts_as_well = away.is_own() || away.scope == scope;
        counts_as_well && away.until == command.until && away.instead == command.instead
    };
    if known.filter(is_same).is_none() {
        let away = Away {
            person: person.into(),
            until: command.until,
            instead: command.instead.clone(),
            set_by: actor.clone(),
            set_at: draft.now,
            scope,
        };
        draft.desk = Some(DeskChange::AwaySet(Arc::new(away)));
    }
    Ok(())
}

/// Ends that a person is away. Changes nothing if the time is over.
pub(super) fn end(
    draft: &mut EntryDraft<'_>,
    command: &EndAway,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::AwayEnded;
    let person = person(&command.person, actor);
    let known = draft.root.absences.of(person, draft.now);
    check_seen(draft, known, actor)?;
    if known.is_some() {
        draft.desk = Some(DeskChange::AwayEnded(person.into()));
    }
    Ok(())
}

/// Refuses to change an absence that is out of the scope of who asks.
fn check_seen(
    draft: &EntryDraft<'_>,
    known: Option<&Arc<Away>>,
    actor: &Actor,
) -> Result<(), Rejection> {
    match known {
        Some(away) if !can_see_away(&draft.reach, &actor.name, away) => {
            Err(Rejection::OutOfScope("person"))
        }
        _ => Ok(()),
    }
}

fn person<'c>(named: &'c str, actor: &'c Actor) -> &'c str {
    if named.is_empty() { &actor.name } else { named }
}

pub(super) fn check_set(check: &mut Check, command: &SetAway) {
    for (field, name) in [("person", &command.person), ("instead", &command.instead)] {
        check.text(field, name, false, Characters(limits::SHORT_CHARS_MAX));
    }
}
