//! People who are away, and who gets their new work meanwhile.
//!
//! Promise: nothing must happen for it to end. Each decision compares the time.

use aftercall_definition::time::Time;
use aftercall_scope::Scope;

use crate::actor::Actor;

/// A person who is away. The names are personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// The person's name.
    pub person: Box<str>,
    /// When the person is back.
    pub until: Time,
    /// The person who gets new work instead; empty for nobody.
    pub instead: Box<str>,
    /// The actor that set it.
    pub set_by: Actor,
    /// When it was set.
    pub set_at: Time,
    /// The scope of who set it.
    pub scope: Scope,
}

impl Away {
    /// Whether the person set it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.set_by.name == self.person
    }
}
