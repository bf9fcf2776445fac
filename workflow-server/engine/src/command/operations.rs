//! Commands of operations.

use aftercall_definition::time::Time;

use crate::batch::StartBatch;
use crate::command::ExpectedRevision;
use crate::erasure::ErasedCall;
use crate::instance::InstanceId;
use crate::world::caller_index::CallerKey;

/// A command of operations.
#[derive(Clone, Debug)]
pub enum OperationsCommand {
    /// See [`CancelInstance`].
    CancelInstance(CancelInstance),
    /// See [`MoveInstance`].
    MoveInstance(MoveInstance),
    /// See [`MigrateInstance`].
    MigrateInstance(Box<MigrateInstance>),
    /// See [`StartBatch`].
    StartBatch(Box<StartBatch>),
    /// See [`StopBatch`].
    StopBatch(StopBatch),
    /// See [`EraseCaller`].
    EraseCaller(Box<EraseCaller>),
    /// See [`AcceptClock`].
    AcceptClock(AcceptClock),
    /// See [`ConfirmPurge`].
    ConfirmPurge(ConfirmPurge),
}

family!(requested Operations, OperationsCommand:
    CancelInstance, MoveInstance, MigrateInstance (Box::new), StartBatch (Box::new), StopBatch,
    EraseCaller (Box::new), AcceptClock, ConfirmPurge,
);

/// Cancels an instance.
#[derive(Clone, Debug)]
pub struct CancelInstance {
    /// The instance.
    pub instance: InstanceId,
    /// The reason for the cancellation.
    pub reason: Box<str>,
    /// The revision that operations saw.
    pub expected: ExpectedRevision,
}

/// Moves an instance to any stage of its workflow, even if no button leads there.
#[derive(Clone, Debug)]
pub struct MoveInstance {
    /// The instance.
    pub instance: InstanceId,
    /// The number of the stage.
    pub stage: u32,
    /// The reason for the move.
    pub reason: Box<str>,
    /// The revision that operations saw.
    pub expected: ExpectedRevision,
}

/// Migrates an instance to another version of its workflow.
#[derive(Clone, Debug)]
pub struct MigrateInstance {
    /// The instance.
    pub instance: InstanceId,
    /// The version to migrate to.
    pub version: u32,
    /// The target stages for instances whose stage is not in the new version, as pairs of old and
    /// new number.
    pub stages: Vec<(u32, u32)>,
    /// The reason for the migration.
    pub reason: Box<str>,
    /// The revision that operations saw.
    pub expected: ExpectedRevision,
}

/// Stops a batch.
#[derive(Clone, Debug)]
pub struct StopBatch {
    /// The batch.
    pub batch: u64,
    /// The reason for stopping the batch.
    pub reason: Box<str>,
}

/// Sets the World's time to the wall clock, forward or back.
#[derive(Clone, Copy, Debug)]
pub struct AcceptClock {
    /// The wall clock's time; `None` if both already agree, so nothing changes.
    pub to: Option<Time>,
}

/// Allows the next purge to remove more than its share.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmPurge {
    /// The number of ended instances to allow; 0 if none wait, so nothing changes.
    pub instances: u64,
}

/// How the server searched for the calls to erase that are in memory.
#[derive(Clone, Debug)]
pub struct Look {
    /// The caller.
    pub caller: CallerKey,
    /// The sequence of the root that was searched. The decision checks the calls that changed after
    /// it.
    pub sequence: u64,
}

/// Starts the erasure of a caller.
#[derive(Clone, Debug)]
pub struct EraseCaller {
    /// The customer, if only calls for this customer are erased; empty for all calls.
    pub customer: Box<str>,
    /// The reason for the erasure.
    pub reason: Box<str>,
    /// The caller's calls: first those in memory, then those in the archive. The server searches
    /// for both before it sends the command.
    pub calls: Vec<ErasedCall>,
    /// How the calls in memory were found; `None` if `calls` is already complete.
    pub look: Option<Look>,
    /// The newest file of the archive when it was searched. If there is a newer one now, the server
    /// must search again.
    pub newest_file: u64,
    /// Whether a restore repeats an earlier erasure. It may exceed the limit of running erasures,
    /// because none may be left out.
    pub is_of_restore: bool,
}
