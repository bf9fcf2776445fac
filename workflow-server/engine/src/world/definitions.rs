//! Teams, calendars and workflows, by place and by name. They rarely change, but each step reads
//! them. So each is a plain list behind a shared pointer.

use std::collections::BTreeMap;
use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::calendar::Calendar;
use aftercall_definition::numbering::Numbering;
use aftercall_definition::source::{SOURCES_BYTES_MAX, Source};
use aftercall_definition::time::{Span, Time};

use crate::actor::Actor;
use crate::rejection::Rejection;
use crate::team::Team;

/// Declared teams.
#[derive(Clone, Debug, Default)]
pub struct Teams {
    list: Vec<Team>,
    by_name: BTreeMap<String, u32>,
}

impl Teams {
    /// The team at this place.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&Team> {
        self.list.get(place as usize)
    }

    /// The place of the team with this name.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<u32> {
        self.place_ever(name)
            .filter(|place| self.at(*place).is_some_and(|team| !team.removed))
    }

    /// The place of the team with this name, even if it was removed. It gets this place back when
    /// it is declared again.
    #[must_use]
    pub fn place_ever(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The team at this place, unless it was removed.
    ///
    /// # Errors
    /// [`Rejection::NoSuchTeam`].
    pub fn present(&self, place: u32) -> Result<&Team, Rejection> {
        let team = self.at(place).filter(|team| !team.removed);
        team.ok_or_else(|| {
            Rejection::NoSuchTeam(self.at(place).map_or("", |team| &team.name).into())
        })
    }

    /// The number of places, including those of removed teams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether no team was ever declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All teams in the order of their names, without removed ones.
    pub fn by_name(&self) -> impl Iterator<Item = &Team> {
        self.by_name
            .values()
            .map(|place| &self.list[*place as usize])
            .filter(|team| !team.removed)
    }

    /// All teams in the order of their places, including removed ones.
    pub fn by_place(&self) -> impl Iterator<Item = &Team> {
        self.list.iter()
    }

    /// Replaces the team at this place. A place beyond the last one adds a team.
    pub(super) fn put(&mut self, place: u32, team: Team) {
        if let Some(known) = self.list.get_mut(place as usize) {
            *known = team;
        } else {
            self.by_name
                .insert(team.name.clone(), self.list.len() as u32);
            self.list.push(team);
        }
    }
}

/// Declared calendars.
#[derive(Clone, Debug, Default)]
pub struct Calendars(BTreeMap<String, Arc<Calendar>>);

impl Calendars {
    /// The calendar with this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Calendar>> {
        self.0.get(name)
    }

    /// The number of calendars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no calendars.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All calendars in the order of their names.
    pub fn by_name(&self) -> impl Iterator<Item = &Arc<Calendar>> {
        self.0.values()
    }

    pub(super) fn put(&mut self, calendar: Arc<Calendar>) {
        self.0.insert(calendar.name.clone(), calendar);
    }
}

/// A published version of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// The content, which never changes.
    pub definition: Arc<Definition>,
    /// When it was published.
    pub published_at: Time,
    /// Who published it.
    pub published_by: Actor,
}

/// A workflow: its draft and its published versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// The name. It is unique in a server and never changes.
    pub name: String,
    /// The draft; `None` if nothing was changed since the newest version.
    pub draft: Option<Arc<Definition>>,
    /// The versions, from version 1.
    pub versions: Vec<Version>,
    /// All stage numbers that were ever used. No number is used twice.
    pub numbering: Numbering,
    /// The number of changes of draft and versions, from 1.
    pub revision: u64,
    /// Whether the workflow is archived: scripts cannot set it any more.
    pub archived: bool,
    /// The oldest version whose retention applies; 0 for the newest. The longest retention from
    /// that version on is in force, until operations confirm a shorter one. Without a confirmation,
    /// an author's change deletes nothing.
    pub retention_from: u32,
}

impl Workflow {
    /// A published version, by its number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.get((number as usize).checked_sub(1)?)
    }

    /// The number of the newest version; 0 if there are no versions.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.versions.len() as u32
    }

    /// The retentions that apply, oldest version first. `None` is the server's default. The longest
    /// of them is in force.
    pub fn retentions(&self) -> impl Iterator<Item = Option<Span>> {
        let from = if self.retention_from == 0 {
            self.newest()
        } else {
            self.retention_from
        };
        self.versions
            .iter()
            .skip(from.saturating_sub(1) as usize)
            .map(|version| version.definition.retention)
    }

    /// Drops the source texts of the oldest versions when all texts together exceed the limit.
    fn drop_old_sources(&mut self) {
        let mut bytes = 0;
        for version in self.versions.iter_mut().rev() {
            bytes += version.definition.source.text().map_or(0, str::len);
            if bytes > SOURCES_BYTES_MAX && version.definition.source.text().is_some() {
                let definition = Definition {
                    source: Source::default(),
                    ..Definition::clone(&version.definition)
                };
                version.definition = Arc::new(definition);
            }
        }
    }

    /// The title of the draft. Without a draft, the title of the newest version.
    #[must_use]
    pub fn title(&self) -> &str {
        let newest = self.versions.last().map(|version| &version.definition);
        self.draft
            .as_ref()
            .or(newest)
            .map_or("", |definition| &definition.title)
    }
}

/// All workflows.
#[derive(Clone, Debug, Default)]
pub struct Workflows {
    list: Vec<Workflow>,
    by_name: BTreeMap<String, u32>,
}

impl Workflows {
    /// The workflow at this place.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&Workflow> {
        self.list.get(place as usize)
    }

    /// The place of the workflow with this name.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The workflow with this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Workflow> {
        self.at(self.place(name)?)
    }

    /// The number of workflows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are no workflows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All workflows in the order of their names.
    pub fn by_name(&self) -> impl Iterator<Item = &Workflow> {
        self.by_name
            .values()
            .map(|place| &self.list[*place as usize])
    }

    /// All workflows in the order of their places.
    pub fn by_place(&self) -> impl Iterator<Item = &Workflow> {
        self.list.iter()
    }

    pub(super) fn restore(&mut self, workflow: Workflow) {
        self.by_name
            .insert(workflow.name.clone(), self.list.len() as u32);
        self.list.push(workflow);
    }

    pub(super) fn restore_version(&mut self, version: Version) {
        if let Some(workflow) = self.list.last_mut() {
            workflow.versions.push(version);
        }
    }

    pub(super) fn put_draft(&mut self, place: u32, definition: &Arc<Definition>) {
        if self.list.get(place as usize).is_none() {
            self.restore(Workflow {
                name: definition.name.clone(),
                draft: None,
                versions: Vec::new(),
                numbering: Numbering::default(),
                revision: 0,
                archived: false,
                retention_from: 0,
            });
        }
        if let Some(workflow) = self.list.get_mut(place as usize) {
            workflow.numbering.absorb(definition);
            workflow.draft = Some(definition.clone());
            workflow.revision += 1;
        }
    }

    pub(super) fn archive(&mut self, place: u32, archived: bool) -> Option<()> {
        let workflow = self.list.get_mut(place as usize)?;
        workflow.archived = archived;
        workflow.revision += 1;
        Some(())
    }

    pub(super) fn count_retention_from(&mut self, place: u32, from: u32) -> Option<()> {
        let workflow = self.list.get_mut(place as usize)?;
        workflow.retention_from = if from == workflow.newest() { 0 } else { from };
        workflow.revision += 1;
        Some(())
    }

    pub(super) fn publish(
        &mut self,
        place: u32,
        (created, from): (bool, u32),
        at: Time,
        by: &Actor,
    ) -> Option<()> {
        let workflow = self.list.get_mut(place as usize)?;
        let draft = workflow.draft.take();
        if created {
            workflow.versions.push(Version {
                definition: draft?,
                published_at: at,
                published_by: by.clone(),
            });
        } else if let (Some(draft), Some(newest)) = (draft, workflow.versions.last_mut()) {
            // The content is the same, but comments in its source may be newer.
            newest.definition = draft;
        }
        workflow.drop_old_sources();
        workflow.retention_from = from;
        workflow.revision += 1;
        Some(())
    }
}
