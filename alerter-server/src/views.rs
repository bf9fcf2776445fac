//! All views, and which of them an entry may concern.
//!
//! Ten thousand people who each watch what they hold are ten thousand filters. Checking each filter
//! takes milliseconds for each change. So a view is indexed by the values of one field of its
//! filter: all that the filter selects has one of these values.
//!
//! Promise: if a filter selects an instance before or after a change, its view is found. Must not:
//! decide what a filter selects.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use slab::Slab;
use tokio::sync::watch;

use crate::cache::Cache;
use crate::field::{Field, value_of_call};
use crate::filter::Filter;
use crate::link::Link;
use crate::ring::RingEntry;
use crate::shown::Facts;
use crate::view::View;

/// The views.
#[derive(Debug, Default)]
pub(crate) struct Views {
    by_filter: HashMap<Filter, usize>,
    views: Slab<Weak<View>>,
    by_field: [HashMap<Box<str>, Vec<usize>>; Field::ALL.len()],
    /// Views whose filter has no such field.
    others: Vec<usize>,
}

impl Views {
    /// The view of a filter: the existing one, or a new one that begins at `cache`.
    pub(crate) fn get(
        &mut self,
        filter: Filter,
        link: watch::Receiver<Link>,
        cache: &Cache,
    ) -> Arc<View> {
        let known = self.by_filter.get(&filter).copied();
        if let Some(view) = known
            .and_then(|place| self.views.get(place))
            .and_then(Weak::upgrade)
        {
            return view;
        }
        let view = Arc::new(View::new(filter.clone(), link, cache));
        match known.and_then(|place| self.views.get_mut(place)) {
            // No stream uses the earlier one any more, and it is indexed by the same values.
            Some(earlier) => *earlier = Arc::downgrade(&view),
            None => self.insert(filter, Arc::downgrade(&view)),
        }
        view
    }

    fn insert(&mut self, filter: Filter, view: Weak<View>) {
        let place = self.views.insert(view);
        match filter.key() {
            Some((field, values)) => {
                let index = &mut self.by_field[field as usize];
                values
                    .into_iter()
                    .for_each(|value| index.entry(value.into()).or_default().push(place));
            }
            None => self.others.push(place),
        }
        self.by_filter.insert(filter, place);
    }

    /// How many there are, including those that no stream uses any more.
    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    /// The views that a stream uses; the others are forgotten.
    pub(crate) fn present(&mut self) -> Vec<Arc<View>> {
        let present: Vec<_> = self
            .views
            .iter()
            .filter_map(|(_, view)| view.upgrade())
            .collect();
        if present.len() < self.views.len() {
            self.forget_unused();
        }
        present
    }

    fn forget_unused(&mut self) {
        let unused: HashSet<usize> = self
            .views
            .iter()
            .filter(|(_, view)| view.strong_count() == 0)
            .map(|(place, _)| place)
            .collect();
        let mut values: HashSet<(Field, Box<str>)> = HashSet::new();
        self.by_filter.retain(|filter, place| {
            let is_used = !unused.contains(place);
            if !is_used && let Some((field, of_filter)) = filter.key() {
                values.extend(of_filter.into_iter().map(|value| (field, value.into())));
            }
            is_used
        });
        // Each value once, although several filters may have it.
        for (field, value) in values {
            let index = &mut self.by_field[field as usize];
            if let Some(places) = index.get_mut(&value) {
                places.retain(|place| !unused.contains(place));
                if places.is_empty() {
                    index.remove(&value);
                }
            }
        }
        self.others.retain(|place| !unused.contains(place));
        unused
            .into_iter()
            .for_each(|place| drop(self.views.try_remove(place)));
    }

    /// The views that some of these entries may concern.
    pub(crate) fn concerned<'e>(
        &self,
        entries: impl IntoIterator<Item = &'e RingEntry>,
    ) -> Vec<Arc<View>> {
        let mut places = self.others.clone();
        for change in entries.into_iter().flat_map(|entry| &entry.changes) {
            let after = change.after.as_ref().map(|shown| &shown.facts);
            after
                .into_iter()
                .chain(&change.before)
                .for_each(|facts| self.add_concerned(facts, &mut places));
        }
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .filter_map(|place| self.views.get(place)?.upgrade())
            .collect()
    }

    fn add_concerned(&self, facts: &Facts, places: &mut Vec<usize>) {
        for field in Field::ALL {
            let index = &self.by_field[field as usize];
            if index.is_empty() {
                continue;
            }
            match values(field, facts) {
                Some(values) => {
                    places.extend(
                        values
                            .iter()
                            .filter_map(|value| index.get(&**value))
                            .flatten(),
                    );
                }
                // It passes every filter of this field.
                None => places.extend(index.values().flatten()),
            }
        }
    }
}

/// The values of a field that a follow-up has; `None` if each filter of that field lets it
/// through.
fn values(field: Field, facts: &Facts) -> Option<Vec<Cow<'_, str>>> {
    Some(match field {
        Field::Call => facts
            .call
            .as_ref()
            .map(|(source, id)| vec![value_of_call(source, id).into()])?,
        Field::Holder => vec![(&*facts.holder).into()],
        Field::Customer => vec![(&*facts.customer).into()],
        Field::Team => of_alerts(facts).collect(),
        Field::TeamOfScope => {
            let further = facts.further_teams.iter().flatten();
            let teams: Vec<_> = of_alerts(facts)
                .chain(further.map(|team| (&**team).into()))
                .collect();
            // Without any team the customer alone decides.
            (!teams.is_empty()).then_some(teams)?
        }
        Field::Workflow => vec![(&*facts.workflow).into()],
    })
}

fn of_alerts(facts: &Facts) -> impl Iterator<Item = Cow<'_, str>> {
    facts.alerts.iter().map(|(team, _)| (&**team).into())
}

#[cfg(test)]
#[path = "views/tests.rs"]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests;
