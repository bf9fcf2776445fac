//! Actions in words, as pages and the command line show them.

use crate::definition::model::Action;

/// The action in words.
#[must_use]
pub fn describe_action(action: &Action) -> String {
    format!("{action:?}")
}
