//! The words of the counts and of the wall.

use serde::Deserialize;

/// The words of the counts in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WallboardWords {
    pub(crate) open: String,
    pub(crate) oldest: String,
    pub(crate) teams: String,
    pub(crate) workflows: String,
    pub(crate) stages: String,
    pub(crate) priorities: String,
    pub(crate) not_live: String,
    /// Before the number of rows that are not shown.
    pub(crate) more: String,
}

/// The words of the wall in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WallWords {
    pub(crate) hint: String,
    pub(crate) ended: String,
    pub(crate) not_accepted: String,
    pub(crate) not_for_displays: String,
    pub(crate) needs_script: String,
}
