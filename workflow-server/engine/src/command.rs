//! The commands of the engine, in five closed families. Each family has one kind of sender.

/// Declares a family. Each command becomes a variant of the family's enum; a large one gets a box.
/// Requests can send the commands of a `requested` family.
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
mod away;
mod desk;
mod mark;
mod operations;
mod script;
mod upkeep;
mod views;

pub use author::*;
pub use away::*;
pub use desk::*;
pub use mark::{ExpectedRevision, RequestMark};
pub use operations::*;
pub use script::*;
pub use upkeep::*;
pub use views::*;

use crate::actor::Actor;
use crate::reach::Reach;

/// A command, and the facts from outside that deciding it needs.
#[derive(Clone, Debug)]
pub struct Request {
    /// The actor that sends the command.
    pub actor: Actor,
    /// The mark, if the request has a request id.
    pub mark: Option<RequestMark>,
    /// A random number for the id of a new instance.
    pub salt: u16,
    /// What the archive contains of the command's call; `None` if the server has not searched it.
    pub known: Option<KnownCall>,
    /// The agent for whom a script engine acts, if it names one and has proved who it is.
    pub acts_for: Option<Box<str>>,
    /// What the sender may see and touch.
    pub reach: Reach,
    /// The command.
    pub command: Command,
}

/// A command of any family.
#[derive(Clone, Debug)]
pub enum Command {
    /// A command of an author.
    Author(AuthorCommand),
    /// A command of a script engine.
    Script(ScriptCommand),
    /// A command of a person who works with a Call Manager.
    Desk(DeskCommand),
    /// A command of operations.
    Operations(OperationsCommand),
    /// A command of the server itself.
    Upkeep(UpkeepCommand),
}

/// A command that a request can send: any command except those of upkeep.
pub trait Requested: Into<Command> {}
