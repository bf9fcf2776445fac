//! The keys of a workflow file, except those of plain actions, and the words for priorities.

use aftercall_definition::model::Priority;

use crate::file::mapping::Keys;

/// The key of the first stage's title.
pub(super) const NEW_CALL_TITLE: &str = "on_new_call_title";

pub(super) const WORKFLOW: Keys = Keys {
    known: &[
        "format",
        "workflow",
        "title",
        "deadline",
        "retention",
        "calendar",
        "fields",
        "allow_unlinked_ends",
        NEW_CALL_TITLE,
        "on_new_call",
    ],
    later: &["templates"],
};

pub(super) const BUTTON: Keys = Keys {
    known: &[
        "button", "id", "stage", "title", "when", "confirm", "note", "form", "then",
    ],
    later: &["undo"],
};
pub(super) const TIMER: Keys = Keys {
    known: &["timer", "label", "id", "stage", "title", "when", "then"],
    later: &[],
};
pub(super) const TIMER_VALUE: Keys = Keys {
    known: &["after", "at", "from", "calendar", "wait-for-claim"],
    later: &[],
};

/// The words for the priorities.
pub(super) const PRIORITIES: [(&str, Priority); 4] = [
    ("low", Priority::Low),
    ("normal", Priority::Normal),
    ("high", Priority::High),
    ("urgent", Priority::Urgent),
];
