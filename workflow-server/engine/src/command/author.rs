//! Commands of authors: teams, calendars, drafts and versions.

use std::sync::Arc;

use aftercall_definition::calendar::Calendar;
use aftercall_definition::{Definition, Fault};

use crate::command::ExpectedRevision;
use crate::query::TeamUse;

/// A command of an author.
#[derive(Clone, Debug)]
pub enum AuthorCommand {
    /// See [`ImportTeam`].
    ImportTeam(ImportTeam),
    /// See [`RemoveTeam`].
    RemoveTeam(RemoveTeam),
    /// See [`ImportCalendar`].
    ImportCalendar(ImportCalendar),
    /// See [`ImportWorkflow`].
    ImportWorkflow(ImportWorkflow),
    /// See [`PublishWorkflow`].
    PublishWorkflow(PublishWorkflow),
    /// See [`ArchiveWorkflow`].
    ArchiveWorkflow(ArchiveWorkflow),
    /// See [`ConfirmRetention`].
    ConfirmRetention(ConfirmRetention),
}

family!(requested Author, AuthorCommand:
    ImportTeam, RemoveTeam, ImportCalendar, ImportWorkflow, PublishWorkflow, ArchiveWorkflow,
    ConfirmRetention,
);

/// Declares a team, or changes its title or settings.
#[derive(Clone, Debug)]
pub struct ImportTeam {
    /// The team's name.
    pub name: Box<str>,
    /// The title that people read.
    pub title: Box<str>,
    /// Whether its agents only claim the next follow-up. `None` keeps what the team has.
    pub claim_next_only: Option<bool>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Removes a team that nothing uses.
#[derive(Clone, Debug)]
pub struct RemoveTeam {
    /// The team's name.
    pub name: Box<str>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
    /// The result of a search on another thread; `None` if the decision must search.
    pub found: Option<Box<TeamUse>>,
}

/// Declares or changes a calendar.
#[derive(Clone, Debug)]
pub struct ImportCalendar {
    /// The calendar from a file. Its own revision is ignored.
    pub calendar: Arc<Calendar>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Stores a definition as the draft of its workflow.
#[derive(Clone, Debug)]
pub struct ImportWorkflow {
    /// The content from a file.
    pub definition: Box<Definition>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Publishes the draft as a version that never changes.
#[derive(Clone, Debug)]
pub struct PublishWorkflow {
    /// The workflow's name.
    pub name: Box<str>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
    /// The result of validating the draft before; `None` if the decision must validate it.
    pub validated: Option<Box<Validated>>,
}

/// The result of validating a draft on another thread.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The draft.
    pub draft: Arc<Definition>,
    /// The errors and warnings of the draft.
    pub faults: Vec<Fault>,
}

/// Archives a workflow or ends that. An archived workflow cannot be set.
#[derive(Clone, Debug)]
pub struct ArchiveWorkflow {
    /// The workflow's name.
    pub name: Box<str>,
    /// Whether the workflow is archived afterwards.
    pub archived: bool,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Applies the retention of a workflow's newest version to all ended instances of the workflow.
#[derive(Clone, Debug)]
pub struct ConfirmRetention {
    /// The workflow's name.
    pub workflow: Box<str>,
    /// The version that operations looked at. The command is refused unless it is the newest.
    pub version: u32,
}
