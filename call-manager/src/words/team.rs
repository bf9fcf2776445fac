//! The words of the page of a supervisor.

use serde::Deserialize;

/// The words in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamWords {
    pub(crate) title: String,
    pub(crate) who_holds_what: String,
    pub(crate) nobody_holds: String,
    pub(crate) person: String,
    pub(crate) holds: String,
    pub(crate) holds_nothing: String,
    pub(crate) more: String,
    pub(crate) my_work: String,
    pub(crate) hand_over_all: String,
    /// Before the number of follow-ups that were handed over.
    pub(crate) handed_over: String,
    pub(crate) wall: String,
    pub(crate) away: String,
    pub(crate) away_until: String,
    pub(crate) instead: String,
    pub(crate) goes_to: String,
    pub(crate) set_away: String,
    pub(crate) is_back: String,
    pub(crate) release_all: String,
    pub(crate) day: String,
    pub(crate) date: String,
    pub(crate) nothing_done: String,
    pub(crate) what_was_done: String,
    pub(crate) read_back_to: String,
}
