//! Saves and removes views.

use std::sync::Arc;

use aftercall_definition::limits::Length::Characters;
use aftercall_definition::limits::NAME_CHARS_MAX;

use crate::actor::Actor;
use crate::call::Caller;
use crate::command::{RemoveView, SaveView};
use crate::decide::check::Check;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::desk_change::DeskChange;
use crate::entry::{Answer, ChangeKind};
use crate::limits;
use crate::rejection::{Limit, Rejection};
use crate::saved_view::{SavedView, ViewFilter, ViewOwner};

pub(super) fn save(
    draft: &mut EntryDraft<'_>,
    command: &SaveView,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ViewSaved;
    let owner = owner(draft, command.team.as_deref(), actor)?;
    let views = &draft.root.views;
    let known = views.find(&owner, &command.name);
    check_revision(command.expected, known.map_or(0, |view| view.revision))?;
    if let Some(same) = known.filter(|view| view.owner == owner && view.filter == command.filter) {
        draft.answer = Answer::Revision(same.revision);
        return Ok(());
    }
    if known.is_none() {
        check_room(draft, &owner)?;
    }
    let view = SavedView {
        id: known.map_or(draft.sequence(), |view| view.id),
        owner,
        name: command.name.clone(),
        filter: command.filter.clone(),
        revision: known.map_or(0, |view| view.revision) + 1,
        saved_by: actor.clone(),
        saved_at: draft.now,
    };
    draft.answer = Answer::Revision(view.revision);
    draft.desk = Some(DeskChange::ViewSaved(Arc::new(view)));
    Ok(())
}

pub(super) fn remove(
    draft: &mut EntryDraft<'_>,
    command: &RemoveView,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ViewRemoved;
    let owner = owner(draft, command.team.as_deref(), actor)?;
    let known = draft.root.views.find(&owner, &command.name);
    let view = known.ok_or_else(|| Rejection::NoSuchView(command.name.clone()))?;
    check_revision(command.expected, view.revision)?;
    draft.desk = Some(DeskChange::ViewsRemoved([view.id].into()));
    Ok(())
}

/// The owner that a command names. A team must exist and be within reach.
fn owner(
    draft: &EntryDraft<'_>,
    team: Option<&str>,
    actor: &Actor,
) -> Result<ViewOwner, Rejection> {
    let Some(team) = team else {
        return Ok(ViewOwner::Person {
            name: actor.name.clone(),
            subject: actor.subject.clone(),
        });
    };
    if !draft.reach.has_team(team) {
        return Err(Rejection::OutOfScope("team"));
    }
    let place = draft.root.teams.place(team);
    place
        .map(ViewOwner::Team)
        .ok_or_else(|| Rejection::NoSuchTeam(team.into()))
}

fn check_room(draft: &EntryDraft<'_>, owner: &ViewOwner) -> Result<(), Rejection> {
    let views = &draft.root.views;
    let of_owner = match owner {
        ViewOwner::Person { name, subject } => views.of_person(name, subject).len(),
        ViewOwner::Team(team) => views.of_team(*team).count(),
    };
    let full = |limit, max: usize| Rejection::Limit {
        limit,
        max: max as u64,
    };
    if of_owner >= limits::VIEWS_PER_OWNER_MAX {
        return Err(full(Limit::ViewsPerOwner, limits::VIEWS_PER_OWNER_MAX));
    }
    if views.len() >= limits::VIEWS_MAX {
        return Err(full(Limit::Views, limits::VIEWS_MAX));
    }
    Ok(())
}

/// Removes the views that name a caller.
pub(super) fn remove_naming(draft: &mut EntryDraft<'_>, caller: &Caller) {
    let views = draft.root.views.by_id();
    remove_all(draft, views.filter(|view| view.names(caller)));
}

/// Removes the views of a team.
pub(super) fn remove_of_team(draft: &mut EntryDraft<'_>, team: u32) {
    remove_all(draft, draft.root.views.of_team(team));
}

fn remove_all<'w>(draft: &mut EntryDraft<'w>, views: impl Iterator<Item = &'w Arc<SavedView>>) {
    let ids: Box<[u64]> = views.map(|view| view.id).collect();
    if !ids.is_empty() {
        draft.desk = Some(DeskChange::ViewsRemoved(ids));
    }
}

pub(super) fn check_save(check: &mut Check, command: &SaveView) {
    check_name(check, &command.name);
    let ViewFilter {
        teams,
        customers,
        workflows,
        stages,
        holders,
        text,
        ..
    } = &command.filter;
    let of_stages = stages.iter().map(|(workflow, _)| workflow);
    let names = [
        ("filter.teams", teams),
        ("filter.customers", customers),
        ("filter.workflows", workflows),
        ("filter.holders", holders),
    ];
    let names = names
        .into_iter()
        .flat_map(|(field, values)| values.iter().map(move |value| (field, value)));
    for (field, value) in names.chain(of_stages.map(|value| ("filter.stages", value))) {
        check.text(field, value, true, Characters(limits::SHORT_CHARS_MAX));
    }
    check.text(
        "filter.text",
        text,
        false,
        Characters(limits::SHORT_CHARS_MAX),
    );
}

pub(super) fn check_remove(check: &mut Check, command: &RemoveView) {
    check_name(check, &command.name);
}

fn check_name(check: &mut Check, name: &str) {
    check.line("view", name, Characters(NAME_CHARS_MAX));
}
