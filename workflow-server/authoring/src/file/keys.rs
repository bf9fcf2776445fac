//! The keys of a workflow file, and the words of its priorities.

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

/// The kinds of actions; the first key of an action in a well-written file.
pub(super) const KINDS: Keys = Keys {
    known: &["alert", "button", "timer", "link", "finish", "set-field"],
    later: &["email", "webhook"],
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

pub(super) const ALERT: Keys = Keys {
    known: &[
        "text", "team", "priority", "due", "calendar", "escalate", "when",
    ],
    later: &["at", "id"],
};
pub(super) const LINK: Keys = Keys {
    known: &["to", "max", "else", "when"],
    later: &[],
};
pub(super) const FINISH: Keys = Keys {
    known: &["outcome", "when"],
    later: &[],
};
pub(super) const SET_FIELD: Keys = Keys {
    known: &["field", "to", "when"],
    later: &[],
};

/// The words of the priorities.
pub(super) const PRIORITIES: [(&str, Priority); 4] = [
    ("low", Priority::Low),
    ("normal", Priority::Normal),
    ("high", Priority::High),
    ("urgent", Priority::Urgent),
];
