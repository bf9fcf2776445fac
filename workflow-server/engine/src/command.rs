//! The commands of the engine: five closed families, by who sends them.

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
use crate::batch::StartBatch;

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

/// Makes the commands of a family: each a variant of the family's enum, behind a box where it is
/// large. Requests lead to those of a `requested` family.
macro_rules! family {
    (requested $family:ident, $commands:ident: $($command:ident $(($boxed:path))?),+ $(,)?) => {
        family!($family, $commands: $($command $(($boxed))?),+);
        $(impl Requested for $command {})+
    };
    ($family:ident, $commands:ident: $($command:ident $(($boxed:path))?),+ $(,)?) => {
        impl From<$commands> for Command {
            fn from(command: $commands) -> Self {
                Self::$family(command)
            }
        }
        $(impl From<$command> for Command {
            fn from(command: $command) -> Self {
                Self::$family($commands::$command($($boxed)?(command)))
            }
        })+
    };
}

family!(requested Author, AuthorCommand:
    ImportTeam, RemoveTeam, ImportCalendar, ImportWorkflow, PublishWorkflow, ArchiveWorkflow,
    ConfirmRetention,
);

family!(requested Script, ScriptCommand:
    SetWorkflow (Box::new), WithdrawWorkflow, UpdateCall (Box::new), EndCall, ChaseInstance,
);

family!(requested Desk, DeskCommand:
    PushButton (Box::new), AddNote, AcknowledgeAlert, ClaimInstance, ExtendClaim, ReleaseClaim, TakeOver,
    HandOver, ListHandOver, ClaimNext (Box::new), SnoozeAlert (Box::new), PauseInstance, ResumeInstance,
    FinishFollowUp (Box::new), UndoPush (Box::new),
);

family!(requested Operations, OperationsCommand:
    CancelInstance, MoveInstance, MigrateInstance (Box::new), StartBatch (Box::new), StopBatch,
    EraseCaller (Box::new), AcceptClock, ConfirmPurge,
);

family!(Upkeep, UpkeepCommand:
    Elapse, StepBatch, StepErasure, EndErasure, ArchiveCalls, ReplaceChunk, PackHistory,
    RewriteHistory,
);
