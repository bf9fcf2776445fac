//! The kinds of actions. A key in the file identifies each.

use crate::file::mapping::Keys;
use crate::file::plain_actions::{PLAIN, Plain};

/// A kind of action.
pub(super) enum Kind {
    Button,
    Timer,
    Plain(&'static Plain),
}

/// All kinds, in the order in which errors and the schema list them.
pub(super) const KINDS: [Kind; 2 + PLAIN.len()] = {
    let mut kinds = [const { Kind::Button }; 2 + PLAIN.len()];
    kinds[0] = Kind::Plain(&PLAIN[0]);
    kinds[2] = Kind::Timer;
    let mut at = 1;
    while at < PLAIN.len() {
        kinds[2 + at] = Kind::Plain(&PLAIN[at]);
        at += 1;
    }
    kinds
};

const WORDS: [&str; KINDS.len()] = {
    let mut words = [""; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        words[at] = KINDS[at].word();
        at += 1;
    }
    words
};

/// The keys of the kinds. In a well-written file they are the first key of an action.
pub(super) const KIND_KEYS: Keys = Keys {
    known: &WORDS,
    later: &["email", "webhook"],
};

impl Kind {
    /// The kind with this key.
    pub(super) fn with_key(key: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.word() == key)
    }

    /// The key of the kind.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Timer => "timer",
            Self::Plain(plain) => plain.word,
        }
    }

    /// The key that a value without a mapping is for: `link: paid` is short for
    /// `link: { to: paid }`.
    pub(super) const fn short_for(&self) -> Option<&'static str> {
        match self {
            Self::Button => None,
            Self::Timer => Some("after"),
            Self::Plain(plain) => plain.short_for,
        }
    }
}
