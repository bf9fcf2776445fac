//! The saved views, by id and by owner.

use std::sync::Arc;

use imbl::OrdMap;

use crate::actor::Subject;
use crate::saved_view::{SavedView, ViewOwner};

/// An owner in the order of the index. A person who has proved who they are is found by the
/// subject, because names change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OwnerKey {
    Subject(Arc<str>),
    Name(Box<str>),
    Team(u32),
}

impl From<&ViewOwner> for OwnerKey {
    fn from(owner: &ViewOwner) -> Self {
        match owner {
            ViewOwner::Person {
                subject: Some(subject),
                ..
            } => Self::Subject(subject.clone()),
            ViewOwner::Person { name, .. } => Self::Name(name.clone()),
            ViewOwner::Team(place) => Self::Team(*place),
        }
    }
}

/// The saved views.
#[derive(Clone, Debug, Default)]
pub struct SavedViews {
    by_id: OrdMap<u64, Arc<SavedView>>,
    by_owner: OrdMap<(OwnerKey, Box<str>), u64>,
}

impl SavedViews {
    /// All views in the order of their ids.
    pub fn by_id(&self) -> impl Iterator<Item = &Arc<SavedView>> {
        self.by_id.values()
    }

    /// The number of views.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are no views.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The views of a person in the order of their names. Includes those that somebody of this name
    /// saved when nobody had to prove who they are.
    #[must_use]
    pub fn of_person(&self, name: &str, subject: &Subject) -> Vec<&Arc<SavedView>> {
        let mut views: Vec<_> = person(name, subject)
            .into_iter()
            .flat_map(|owner| self.of_key(owner))
            .collect();
        // Of two with the same name, the one that belongs to the subject.
        views.sort_by(|one, other| one.name.cmp(&other.name));
        views.dedup_by(|one, other| one.name == other.name);
        views
    }

    /// The views of a team in the order of their names.
    pub fn of_team(&self, team: u32) -> impl Iterator<Item = &Arc<SavedView>> {
        self.of_key(OwnerKey::Team(team))
    }

    /// The view of this owner with this name.
    #[must_use]
    pub fn find(&self, owner: &ViewOwner, name: &str) -> Option<&Arc<SavedView>> {
        let keys = match owner {
            ViewOwner::Person { name, subject } => person(name, subject),
            ViewOwner::Team(place) => vec![OwnerKey::Team(*place)],
        };
        let mut ids = keys
            .into_iter()
            .filter_map(|key| self.by_owner.get(&(key, name.into())));
        self.by_id.get(ids.next()?)
    }

    /// Adds a view, or replaces the one with its id.
    pub(super) fn put(&mut self, view: Arc<SavedView>) {
        self.remove(view.id);
        self.by_owner
            .insert(((&view.owner).into(), view.name.clone()), view.id);
        self.by_id.insert(view.id, view);
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(view) = self.by_id.remove(&id) {
            self.by_owner
                .remove(&((&view.owner).into(), view.name.clone()));
        }
    }

    fn of_key(&self, owner: OwnerKey) -> impl Iterator<Item = &Arc<SavedView>> {
        self.by_owner
            .range((owner.clone(), Box::default())..)
            .take_while(move |((of, _), _)| *of == owner)
            .filter_map(|(_, id)| self.by_id.get(id))
    }
}

/// The keys by which a person's views are found, the subject first.
fn person(name: &str, subject: &Subject) -> Vec<OwnerKey> {
    let of_subject = subject.clone().map(OwnerKey::Subject);
    of_subject
        .into_iter()
        .chain([OwnerKey::Name(name.into())])
        .collect()
}
