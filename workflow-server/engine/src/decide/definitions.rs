//! Importing teams, calendars and drafts, and publishing versions.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::calendar::Calendar;
use aftercall_definition::time::Span;

use crate::command::{
    ArchiveWorkflow, ConfirmRetention, ImportCalendar, ImportTeam, ImportWorkflow, PublishWorkflow,
    RemoveTeam,
};
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::views;
use crate::entry::{Answer, ChangeKind, DefinitionChange};
use crate::limits;
use crate::query::{TeamUse, batches_for, never};
use crate::rejection::{Limit, Rejection};
use crate::team::Team;
use crate::world::definitions::Workflow;

pub(super) fn import_team(
    draft: &mut EntryDraft<'_>,
    command: &ImportTeam,
) -> Result<(), Rejection> {
    let ImportTeam {
        name,
        title,
        claim_next_only,
        expected,
    } = command;
    draft.kind = ChangeKind::TeamImported;
    let teams = &draft.root.teams;
    let place = teams.place_ever(name);
    let known = place.and_then(|place| teams.at(place));
    let present = known.filter(|team| !team.removed);
    check_revision(*expected, present.map_or(0, |team| team.revision))?;
    let claim_next_only =
        claim_next_only.unwrap_or(present.is_some_and(|team| team.claim_next_only));
    let is_same = |team: &&Team| *team.title == **title && team.claim_next_only == claim_next_only;
    if let Some(same) = present.filter(is_same) {
        draft.answer = Answer::Revision(same.revision);
        return Ok(());
    }
    if known.is_none() && teams.len() >= limits::TEAMS_MAX {
        return Err(Rejection::Limit {
            limit: Limit::Teams,
            max: limits::TEAMS_MAX as u64,
        });
    }
    let revision = known.map_or(0, |team| team.revision) + 1;
    let team = Team {
        name: name.to_string(),
        title: title.to_string(),
        claim_next_only,
        revision,
        removed: false,
    };
    draft.definition = Some(DefinitionChange::Team(
        place.unwrap_or(teams.len() as u32),
        team,
    ));
    Ok(())
}

/// Removes a team that nothing uses. An alert for a removed team would reach nobody.
pub(super) fn remove_team(
    draft: &mut EntryDraft<'_>,
    command: &RemoveTeam,
) -> Result<(), Rejection> {
    let RemoveTeam {
        name,
        expected,
        found,
    } = command;
    draft.kind = ChangeKind::TeamRemoved;
    let root = draft.root;
    let no_such = || Rejection::NoSuchTeam(name.clone());
    let place = root.teams.place(name).ok_or_else(no_such)?;
    let team = root.teams.at(place).ok_or_else(no_such)?;
    check_revision(*expected, team.revision)?;
    let in_use = |by: &str| Rejection::TeamInUse {
        name: name.clone(),
        by: by.into(),
    };
    match found {
        Some(found) if !found.is_current(root, place) => return Err(Rejection::TeamMoved),
        Some(found) if !found.used_by.is_empty() => return Err(in_use(&found.used_by)),
        Some(_) => {}
        None => {
            let found = TeamUse::search(root, place, &never).map_err(|_| Rejection::TeamMoved)?;
            if !found.used_by.is_empty() {
                return Err(in_use(&found.used_by));
            }
        }
    }
    if let Some(batch) = batches_for(root, place).first() {
        return Err(in_use(&format!(
            "batch {batch}, which hands follow-ups over to it"
        )));
    }
    let team = Team {
        revision: team.revision + 1,
        removed: true,
        ..team.clone()
    };
    draft.definition = Some(DefinitionChange::Team(place, team));
    views::remove_of_team(draft, place);
    Ok(())
}

/// Imports a calendar. Times that were already computed are kept. Only later computations use the
/// new hours.
pub(super) fn import_calendar(
    draft: &mut EntryDraft<'_>,
    command: &ImportCalendar,
) -> Result<(), Rejection> {
    let ImportCalendar { calendar, expected } = command;
    draft.kind = ChangeKind::CalendarImported;
    let calendars = &draft.root.calendars;
    let known = calendars.named(&calendar.name);
    let revision = known.map_or(0, |known| known.revision);
    check_revision(*expected, revision)?;
    if known.is_some_and(|known| known.has_same_content(calendar)) {
        draft.answer = Answer::Revision(revision);
        return Ok(());
    }
    if known.is_none() && calendars.len() >= limits::CALENDARS_MAX {
        return Err(Rejection::Limit {
            limit: Limit::Calendars,
            max: limits::CALENDARS_MAX as u64,
        });
    }
    let mut calendar = Calendar::clone(calendar);
    calendar.revision = revision + 1;
    draft.definition = Some(DefinitionChange::Calendar(Arc::new(calendar)));
    Ok(())
}

pub(super) fn import(
    draft: &mut EntryDraft<'_>,
    command: &ImportWorkflow,
) -> Result<(), Rejection> {
    let (definition, expected) = (&*command.definition, command.expected);
    draft.kind = ChangeKind::WorkflowImported;
    let workflows = &draft.root.workflows;
    let place = workflows.place(&definition.name);
    let known = place.and_then(|place| workflows.at(place));
    let revision = known.map_or(0, |workflow| workflow.revision);
    check_revision(expected, revision)?;
    answer_revision(draft, expected, revision);
    let newest = known
        .and_then(|workflow| workflow.versions.last())
        .map(|version| &version.definition);
    let present = known
        .and_then(|workflow| workflow.draft.as_ref())
        .or(newest);
    let is_same = |present: &Arc<Definition>| {
        **present == *definition && present.source.is_same_text(&definition.source)
    };
    if present.is_some_and(is_same) {
        return Ok(());
    }
    if known.is_none() && workflows.len() >= limits::WORKFLOWS_MAX {
        return Err(Rejection::Limit {
            limit: Limit::Workflows,
            max: limits::WORKFLOWS_MAX as u64,
        });
    }
    let place = place.unwrap_or(workflows.len() as u32);
    answer_revision(draft, expected, revision + 1);
    draft.definition = Some(DefinitionChange::Draft(place, Arc::new(definition.clone())));
    Ok(())
}

/// Answers with the new revision if the client gave the one that it saw. The client continues with
/// this revision, so a repeated request must return the same one.
fn answer_revision(draft: &mut EntryDraft<'_>, expected: Option<u64>, revision: u64) {
    if expected.is_some() {
        draft.answer = Answer::Revision(revision);
    }
}

/// Publishes the draft. If the draft has the content of the newest version, returns that version.
/// The content of an older version becomes a new version, so a rollback is an ordinary change.
pub(super) fn publish(
    draft: &mut EntryDraft<'_>,
    command: &PublishWorkflow,
) -> Result<(), Rejection> {
    let PublishWorkflow {
        name,
        expected,
        validated,
    } = command;
    draft.kind = ChangeKind::WorkflowPublished;
    let no_such = || Rejection::NoSuchWorkflow(name.clone());
    let place = draft.root.workflows.place(name).ok_or_else(no_such)?;
    let workflow = draft.root.workflows.at(place).ok_or_else(no_such)?;
    check_revision(*expected, workflow.revision)?;
    let newest = workflow.newest();
    let Some(content) = &workflow.draft else {
        draft.answer = Answer::Published {
            version: newest,
            created: false,
        };
        return Ok(());
    };
    // Validating a large draft takes tens of milliseconds. So the server validates it before, on
    // another thread. Calendars and the teams of a draft are never removed, so a draft that was
    // valid then is valid now.
    let faults = match validated {
        Some(validated) if Arc::ptr_eq(&validated.draft, content) => validated.faults.clone(),
        Some(_) => return Err(Rejection::DraftMoved),
        None => draft.root.validate(content),
    };
    if faults.iter().any(|fault| !fault.warning) {
        return Err(Rejection::WorkflowHasFaults(faults));
    }
    if workflow.versions.len() >= limits::VERSIONS_MAX {
        return Err(Rejection::Limit {
            limit: Limit::Versions,
            max: limits::VERSIONS_MAX as u64,
        });
    }
    let created = workflow
        .versions
        .last()
        .is_none_or(|version| version.definition != *content);
    let version = newest + u32::from(created);
    draft.answer = Answer::Published { version, created };
    let retention_from = if created {
        retention_from(workflow, content)
    } else {
        workflow.retention_from
    };
    draft.definition = Some(DefinitionChange::Version {
        workflow: place,
        version,
        created,
        retention_from,
    });
    Ok(())
}

/// The oldest version whose retention applies after the publication. If the new retention is at
/// least as long as all that apply, it replaces them. A shorter one waits until operations confirm
/// it. The engine does not know the default retention of the server, so that one counts as neither
/// longer nor shorter than another.
fn retention_from(workflow: &Workflow, content: &Definition) -> u32 {
    let covers = |counted: Option<Span>| match (content.retention, counted) {
        (Some(new), Some(counted)) => new.millis() >= counted.millis(),
        (new, counted) => new == counted,
    };
    match workflow.retention_from {
        _ if workflow.retentions().all(covers) => 0,
        0 => workflow.newest(),
        from => from,
    }
}

/// Confirms the retention of the newest version. Refuses any other version: operations looked at
/// the retention of one version, and a newer one may have been published since.
pub(super) fn confirm_retention(
    draft: &mut EntryDraft<'_>,
    command: &ConfirmRetention,
) -> Result<(), Rejection> {
    let ConfirmRetention {
        workflow: name,
        version,
    } = command;
    draft.kind = ChangeKind::RetentionConfirmed;
    let no_such = || Rejection::NoSuchWorkflow(name.clone());
    let place = draft.root.workflows.place(name).ok_or_else(no_such)?;
    let workflow = draft.root.workflows.at(place).ok_or_else(no_such)?;
    let newest = workflow.newest();
    if newest == 0 {
        return Err(Rejection::NotPublished(name.clone()));
    }
    if *version > newest {
        return Err(Rejection::NoSuchVersion(name.clone(), *version));
    }
    if newest != *version {
        return Err(Rejection::NotTheNewestVersion { newest });
    }
    if workflow.retention_from != 0 {
        draft.definition = Some(DefinitionChange::Retention {
            workflow: place,
            from: newest,
        });
    }
    Ok(())
}

/// Archives a workflow or ends that. Running instances continue, but no new ones can be started.
pub(super) fn archive(
    draft: &mut EntryDraft<'_>,
    command: &ArchiveWorkflow,
) -> Result<(), Rejection> {
    let (name, archived, expected) = (&command.name, command.archived, command.expected);
    draft.kind = ChangeKind::WorkflowArchived;
    let no_such = || Rejection::NoSuchWorkflow(name.clone());
    let place = draft.root.workflows.place(name).ok_or_else(no_such)?;
    let workflow = draft.root.workflows.at(place).ok_or_else(no_such)?;
    check_revision(expected, workflow.revision)?;
    answer_revision(
        draft,
        expected,
        workflow.revision + u64::from(workflow.archived != archived),
    );
    if workflow.archived != archived {
        draft.definition = Some(DefinitionChange::Archived {
            workflow: place,
            archived,
        });
    }
    Ok(())
}
