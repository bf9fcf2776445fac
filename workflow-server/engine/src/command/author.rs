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

/// Declares a team, or changes its title.
#[derive(Clone, Debug)]
pub struct ImportTeam {
    /// The team's name.
    pub name: Box<str>,
    /// What people call it.
    pub title: Box<str>,
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
    /// What a look off the writer's thread found; none where nobody has looked.
    pub found: Option<Box<TeamUse>>,
}

/// Declares a calendar, or changes it.
#[derive(Clone, Debug)]
pub struct ImportCalendar {
    /// The calendar, read from a file; its own revision is ignored.
    pub calendar: Arc<Calendar>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Stores a definition as the draft of its workflow.
#[derive(Clone, Debug)]
pub struct ImportWorkflow {
    /// The content, read from a file.
    pub definition: Box<Definition>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Makes the draft an immutable version.
#[derive(Clone, Debug)]
pub struct PublishWorkflow {
    /// The workflow's name.
    pub name: Box<str>,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
    /// What validating the draft found before; none where the decision validates it.
    pub validated: Option<Box<Validated>>,
}

/// What validating a draft found, off the writer's thread.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The draft.
    pub draft: Arc<Definition>,
    /// Its errors and warnings.
    pub faults: Vec<Fault>,
}

/// Takes a workflow out of use, or brings it back.
#[derive(Clone, Debug)]
pub struct ArchiveWorkflow {
    /// The workflow's name.
    pub name: Box<str>,
    /// Whether it is out of use afterwards.
    pub archived: bool,
    /// The revision that the author saw.
    pub expected: ExpectedRevision,
}

/// Applies the retention of a workflow's newest version to everything of the workflow that has
/// ended.
#[derive(Clone, Debug)]
pub struct ConfirmRetention {
    /// The workflow's name.
    pub workflow: Box<str>,
    /// The version that operations looked at; refused unless it is the newest.
    pub version: u32,
}
