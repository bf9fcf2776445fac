//! Commands about people who are away.

use aftercall_definition::time::Time;

/// Sets that a person is away, or changes until when and who gets new work instead.
#[derive(Clone, Debug)]
pub struct SetAway {
    /// The person's name; empty for the actor.
    pub person: Box<str>,
    /// When the person is back.
    pub until: Time,
    /// The person who gets new work instead; empty for nobody.
    pub instead: Box<str>,
}

/// Ends that a person is away.
#[derive(Clone, Debug)]
pub struct EndAway {
    /// The person's name; empty for the actor.
    pub person: Box<str>,
}
