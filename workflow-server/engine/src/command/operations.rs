//! Commands of operations.

use aftercall_definition::time::Time;

use crate::batch::StartBatch;
use crate::command::ExpectedRevision;
use crate::erasure::EraseCaller;
use crate::instance::InstanceId;

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
