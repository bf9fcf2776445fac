//! Saved views: a name and a filter of follow-ups, of a person or of a team.
//!
//! Promise: a view names nobody who called, except in its name and its text. An erasure removes a
//! view whose name or text names the caller.

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;

use crate::actor::{Actor, Subject};
use crate::call::Caller;

/// The shortest text of a caller that a view is searched for. Shorter ones are in too many words.
const NAMING_CHARS_MIN: usize = 3;

/// The owner of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewOwner {
    /// A person. Personal data.
    Person {
        /// The person's name.
        name: Box<str>,
        /// Who that person is; `None` if only the name is known.
        subject: Subject,
    },
    /// A team, by its place in the World's list.
    Team(u32),
}

/// What a view selects. It has names instead of places, as its owner wrote them. All fields must
/// match. An empty field matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewFilter {
    /// Names of teams.
    pub teams: Vec<Box<str>>,
    /// Customers.
    pub customers: Vec<Box<str>>,
    /// Names of workflows.
    pub workflows: Vec<Box<str>>,
    /// Stages: the name of the workflow and the number of the stage.
    pub stages: Vec<(Box<str>, u32)>,
    /// Priorities.
    pub priorities: Vec<Priority>,
    /// Names of people with a claim. Personal data.
    pub holders: Vec<Box<str>>,
    /// Only follow-ups without a claim.
    pub unclaimed: bool,
    /// Only overdue follow-ups.
    pub overdue: bool,
    /// Free text; empty for none. May name a caller.
    pub text: Box<str>,
}

/// A saved view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// The sequence of the entry that saved it first.
    pub id: u64,
    /// The owner.
    pub owner: ViewOwner,
    /// The name. It is unique among the views of its owner. May name a caller.
    pub name: Box<str>,
    /// What it selects.
    pub filter: ViewFilter,
    /// The number of changes, from 1.
    pub revision: u64,
    /// The actor that saved it last.
    pub saved_by: Actor,
    /// When it was saved last.
    pub saved_at: Time,
}

impl SavedView {
    /// Whether the name or the text names a caller: contains the caller's name, number, mail address
    /// or reference, or is a search for words of the name.
    #[must_use]
    pub(crate) fn names(&self, caller: &Caller) -> bool {
        let known = [
            &caller.name,
            &caller.phone,
            &caller.email,
            &caller.reference,
        ];
        let known: Vec<String> = known
            .into_iter()
            .map(|text| text.trim().to_lowercase())
            .filter(|text| text.chars().count() >= NAMING_CHARS_MIN)
            .collect();
        let name: Vec<String> = words(&caller.name).collect();
        let digits = digits(&caller.phone);
        [&self.name, &self.filter.text].into_iter().any(|text| {
            let lower = text.to_lowercase();
            let has_known = known.iter().any(|known| lower.contains(known));
            let of_name = words(text).all(|word| name.contains(&word));
            let has_number = digits.len() > NAMING_CHARS_MIN && self::digits(text) == digits;
            !text.is_empty() && (has_known || has_number || of_name)
        })
    }

    /// The view without its texts, as the history keeps it.
    pub(crate) fn without_texts(&self) -> Self {
        Self {
            name: Box::default(),
            filter: ViewFilter::default(),
            ..self.clone()
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(str::to_lowercase)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
