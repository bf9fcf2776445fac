//! The actors: the people and programs that send commands, and what belongs to whom.

use std::sync::Arc;

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

/// Stable id of an identity. `None` where nobody had to prove who they are, in what was written
/// before identities were, and where ownership does not count.
pub type Subject = Option<Arc<str>>;

/// The person or program that sends a command. The name and the subject are personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of the actor.
    pub kind: ActorKind,
    /// The name of the actor; empty for timers and the server.
    pub name: Box<str>,
    /// Who the actor is. Only people and operations have one: claims, undo windows and batches are
    /// theirs.
    pub subject: Subject,
}

impl Actor {
    /// An actor of whom only the name is known.
    #[must_use]
    pub fn named(kind: ActorKind, name: &str) -> Self {
        Self {
            kind,
            name: name.into(),
            subject: None,
        }
    }

    /// The actor where only the name is kept.
    #[must_use]
    pub fn without_subject(&self) -> Self {
        Self::named(self.kind, &self.name)
    }

    /// Whether something belongs to the actor that the owner of this name and subject has begun.
    #[must_use]
    pub fn owns(&self, name: &str, subject: &Subject) -> bool {
        is_same((&self.name, &self.subject), (name, subject))
    }
}

/// Whether two are the same person or program: by their subjects, if both have one, and otherwise by
/// their names.
#[must_use]
pub fn is_same(one: (&str, &Subject), other: (&str, &Subject)) -> bool {
    match (one.1, other.1) {
        (Some(one), Some(other)) => one == other,
        _ => one.0 == other.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_decide_and_names_only_without_them() {
        let subject = |text: &str| Some(Arc::from(text));
        let ann = Actor {
            subject: subject("ann"),
            ..Actor::named(ActorKind::Person, "Ann")
        };
        assert!(ann.owns("Ann", &subject("ann")));
        assert!(ann.owns("Ann Marie", &subject("ann")), "a name can change");
        assert!(!ann.owns("Ann", &subject("https://sso.example.com#1")));
        assert!(ann.owns("Ann", &None), "written before identities were");
        assert!(!ann.owns("Ben", &None));
        let nobody = Actor::named(ActorKind::Person, "Ann");
        assert!(nobody.owns("Ann", &subject("ann")), "no proof is required");
        assert!(!nobody.owns("Ben", &subject("ann")));
    }
}
