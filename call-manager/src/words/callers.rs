//! The words of the page of a caller.

use serde::Deserialize;

/// The words in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerWords {
    pub(crate) title: String,
    pub(crate) find: String,
    pub(crate) hint: String,
    pub(crate) nobody: String,
    pub(crate) open_work: String,
    pub(crate) past_work: String,
    pub(crate) no_open_work: String,
    pub(crate) more: String,
    pub(crate) open: String,
    pub(crate) paused: String,
    pub(crate) incomplete: String,
    pub(crate) finished: String,
    pub(crate) cancelled: String,
}
