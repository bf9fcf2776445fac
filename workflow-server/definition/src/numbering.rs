//! The stage numbers of a workflow's events, over all its versions. No number and no id is ever
//! used for another event.
//!
//! Must not know of files: it only remembers.

use std::collections::BTreeMap;

use crate::model::{Definition, FIRST_STAGE};

/// The ids and numbers that the versions of one workflow have used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    numbers: BTreeMap<String, u32>,
    events: BTreeMap<u32, String>,
}

impl Numbering {
    /// Remembers the events of this version.
    pub fn absorb(&mut self, definition: &Definition) {
        for stage in &definition.stages {
            self.numbers.insert(stage.event.id.clone(), stage.number);
            self.events.insert(stage.number, stage.event.id.clone());
        }
    }

    /// The number of the event with this id, if any version had it.
    #[must_use]
    pub fn number_of(&self, event: &str) -> Option<u32> {
        self.numbers.get(event).copied()
    }

    /// The id of the event with this number, if any version had it.
    #[must_use]
    pub fn event_of(&self, number: u32) -> Option<&str> {
        self.events.get(&number).map(String::as_str)
    }

    /// The lowest number above all that were ever used.
    #[must_use]
    pub fn next_free(&self) -> u32 {
        self.events
            .keys()
            .next_back()
            .map_or(FIRST_STAGE, |highest| highest.saturating_add(1))
            .max(FIRST_STAGE + 1)
    }

    /// Every id with its number, in the order of the ids. A snapshot stores them.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, u32)> {
        self.numbers
            .iter()
            .map(|(event, number)| (event.as_str(), *number))
    }

    /// Builds the numbering from [`Numbering::pairs`].
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut numbering = Self::default();
        for (event, number) in pairs {
            numbering.numbers.insert(event.clone(), number);
            numbering.events.insert(number, event);
        }
        numbering
    }
}
