//! The context that the checks of one definition share.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use crate::facts::Names;
use crate::model::Definition;
use crate::rules;
use crate::validate::declared::{Declared, Likeness};
use crate::validate::forms::Forms;

/// The context of the checks of a stage.
pub(super) struct Scene<'a> {
    pub(super) definition: &'a Definition,
    pub(super) names: Names<'a>,
    pub(super) declared: Declared<'a>,
    pub(super) events: &'a Events<'a>,
    pub(super) forms: Forms<'a>,
    /// The fields that any action sets.
    pub(super) set_fields: HashSet<&'a str>,
    /// The number of errors of texts that were reported.
    pub(super) text_errors: Cell<usize>,
}

/// The indexes of the stages by the ids of their events.
pub(super) struct Events<'d> {
    places: HashMap<&'d str, usize>,
    pub(super) suggestions: rules::Suggestions,
}

impl Scene<'_> {
    /// The message for a team or calendar that is not declared.
    pub(super) fn not_declared(&self, what: &str, name: &str, like: Likeness<'_>) -> String {
        let hint = like(name, &self.events.suggestions);
        let hint = if hint.is_empty() {
            ": import it, or correct the name".to_owned()
        } else {
            hint
        };
        format!("the {what} {} is not declared{hint}", rules::quoted(name))
    }
}

impl<'d> Events<'d> {
    pub(super) fn new(definition: &'d Definition) -> Self {
        let ids = definition
            .stages
            .iter()
            .map(|stage| stage.event.id.as_str());
        Self {
            places: ids.zip(0..).collect(),
            suggestions: rules::Suggestions::default(),
        }
    }

    /// Returns "; available: …" with all ids if they are few, in the order of the stages.
    pub(super) fn all_if_few(&self) -> String {
        let mut all: Vec<(usize, &str)> = self
            .places
            .iter()
            .map(|(id, place)| (*place, *id))
            .collect();
        all.sort_unstable();
        rules::all_if_few(all.into_iter().map(|(_, id)| id))
    }

    /// The index of the stage of an event.
    pub(super) fn place(&self, event: &str) -> Option<usize> {
        self.places.get(event).copied()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &'d str> {
        self.places.keys().copied()
    }
}
