//! The commands of the engine: five closed families, by who sends them.

/// Makes the commands of a family: each a variant of the family's enum, behind a box where it is
/// large. Requests lead to those of a `requested` family.
macro_rules! family {
    (requested $family:ident, $commands:ident: $($command:ident $(($boxed:path))?),+ $(,)?) => {
        family!($family, $commands: $($command $(($boxed))?),+);
        $(impl $crate::command::Requested for $command {})+
    };
    ($family:ident, $commands:ident: $($command:ident $(($boxed:path))?),+ $(,)?) => {
        impl From<$commands> for $crate::command::Command {
            fn from(command: $commands) -> Self {
                Self::$family(command)
            }
        }
        $(impl From<$command> for $crate::command::Command {
            fn from(command: $command) -> Self {
                Self::$family($commands::$command($($boxed)?(command)))
            }
        })+
    };
}

mod author;
mod desk;
mod mark;
mod operations;
mod script;
mod upkeep;

pub use author::*;
pub use desk::*;
pub use mark::{ExpectedRevision, RequestMark};
pub use operations::*;
pub use script::*;
pub use upkeep::*;

use crate::actor::Actor;

/// A command with everything that comes with it from outside.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who sends it.
    pub actor: Actor,
    /// Present where the request carried a request id.
    pub mark: Option<RequestMark>,
    /// A random number, for the id of a new instance.
    pub salt: u16,
    /// What the archive knows of the call that the command names; none where nobody has looked.
    pub known: Option<KnownCall>,
    /// The command.
    pub command: Command,
}

/// A command, by the family of those who send it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Of an author.
    Author(AuthorCommand),
    /// Of a script engine.
    Script(ScriptCommand),
    /// Of a person at a Call Manager.
    Desk(DeskCommand),
    /// Of operations.
    Operations(OperationsCommand),
    /// Of the server itself.
    Upkeep(UpkeepCommand),
}

/// A command to which a request may lead: any but those of upkeep.
pub trait Requested: Into<Command> {}
