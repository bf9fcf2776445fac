//! Who does something.

/// What kind of party does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A call script, through its script engine.
    ScriptEngine,
    /// A person at a Call Manager.
    Person,
    /// A person of operations.
    Operations,
    /// A person who writes workflows.
    Author,
    /// A timer, or a release time, that fell due.
    Timer,
    /// The server itself, for its own upkeep: archiving, packing, the end of an erasure.
    Server,
}

/// Who does something. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of party.
    pub kind: ActorKind,
    /// Its name; empty for timers and the server.
    pub name: Box<str>,
}
