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
    /// Why.
    pub reason: Box<str>,
    /// The revision that operations saw.
    pub expected: ExpectedRevision,
}

/// Moves an instance to a stage of its workflow, whether or not a button leads there.
#[derive(Clone, Debug)]
pub struct MoveInstance {
    /// The instance.
    pub instance: InstanceId,
    /// The number of the stage.
    pub stage: u32,
    /// Why.
    pub reason: Box<str>,
    /// The revision that operations saw.
    pub expected: ExpectedRevision,
}

/// Migrates an instance to another version of its workflow.
#[derive(Clone, Debug)]
pub struct MigrateInstance {
    /// The instance.
    pub instance: InstanceId,
    /// The version.
    pub version: u32,
    /// Where it goes whose stage's event the version does not have: from which stage to which.
    pub stages: Vec<(u32, u32)>,
    /// Why.
    pub reason: Box<str>,
    /// The revision that operations saw.
    pub expected: ExpectedRevision,
}

/// Stops a batch.
#[derive(Clone, Debug)]
pub struct StopBatch {
    /// The batch.
    pub batch: u64,
    /// Why.
    pub reason: Box<str>,
}

/// Makes the wall clock the World's time, forward or back.
#[derive(Clone, Copy, Debug)]
pub struct AcceptClock {
    /// The wall clock's time; none where they agree already, so that nothing changes.
    pub to: Option<Time>,
}

/// Lets the next pass of purging remove more than its share.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmPurge {
    /// How many ended instances; 0 where none wait, so that nothing changes.
    pub instances: u64,
}

/// By whom, and when, the calls in memory were looked up that are to be erased.
#[derive(Clone, Debug)]
pub struct Look {
    /// The caller.
    pub caller: CallerKey,
    /// The sequence of the root that was looked at: calls that changed after it are looked at
    /// again when the erasure is decided.
    pub sequence: u64,
}

/// Starts to erase a caller.
#[derive(Clone, Debug)]
pub struct EraseCaller {
    /// Only calls that were handled for this customer; empty for all.
    pub customer: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// The caller's calls: those in memory first, then those in the archive. Both are looked up
    /// before.
    pub calls: Vec<ErasedCall>,
    /// How those in memory were looked up; none where `calls` is already known to be whole.
    pub look: Option<Look>,
    /// The newest file of the archive at that look: where there is a newer one by now, it has to
    /// be repeated.
    pub newest_file: u64,
    /// Whether a restore applies it again: then any number may run at once, because nothing may be
    /// left out.
    pub is_of_restore: bool,
}
