//! The words of histories: a sentence for each kind of change.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The words of histories in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryWords {
    pub(crate) title: String,
    pub(crate) to_follow_up: String,
    pub(crate) more: String,
    pub(crate) nothing: String,
    /// A script, before its name.
    pub(crate) script: String,
    pub(crate) timer: String,
    pub(crate) server: String,
    /// Between a name and the identity behind it.
    pub(crate) as_identity: String,
    pub(crate) entered: String,
    pub(crate) warning: String,
    pub(crate) new_text: String,
    /// By the names of the kinds in lower case. `{title}` is the label of a button or timer, and
    /// another name in braces is a value of the change.
    pub(crate) kinds: BTreeMap<String, String>,
}
