//! The actors: the people and programs that send commands.

/// The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A call script, through its script engine.
    ScriptEngine,
    /// A person who works with a Call Manager.
    Person,
    /// A person of operations.
    Operations,
    /// A person who writes workflows.
    Author,
    /// A timer that became due, of any kind.
    Timer,
    /// The server itself, for upkeep such as archiving, packing and the end of an erasure.
    Server,
}

/// The person or program that sends a command. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of the actor.
    pub kind: ActorKind,
    /// The name of the actor; empty for timers and the server.
    pub name: Box<str>,
}
