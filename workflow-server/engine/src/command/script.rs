//! Commands of script engines: they set workflows on calls and report the properties of calls.

use std::sync::Arc;

use aftercall_definition::value::Value;

use crate::call::{Call, CallKey, Caller};
use crate::command::ExpectedRevision;
use crate::instance::InstanceId;

/// A command of a script engine.
#[derive(Clone, Debug)]
pub enum ScriptCommand {
    /// See [`SetWorkflow`].
    SetWorkflow(Box<SetWorkflow>),
    /// See [`WithdrawWorkflow`].
    WithdrawWorkflow(WithdrawWorkflow),
    /// See [`UpdateCall`].
    UpdateCall(Box<UpdateCall>),
    /// See [`EndCall`].
    EndCall(EndCall),
    /// See [`ChaseInstance`].
    ChaseInstance(ChaseInstance),
}

family!(requested Script, ScriptCommand:
    SetWorkflow (Box::new), WithdrawWorkflow, UpdateCall (Box::new), EndCall, ChaseInstance,
);

/// What the archive contains of a call. The server searches it before the decision, which cannot do
/// I/O.
#[derive(Clone, Debug)]
pub struct KnownCall {
    /// The newest file of the archive when it was searched. If there is a newer one now, the call
    /// may have left memory since, and the server must search again.
    pub newest_file: u64,
    /// The call as it left memory; `None` if the archive does not contain it.
    pub call: Option<Arc<Call>>,
}

/// Changes of the properties of a call. An absent property does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallChanges {
    /// A new customer.
    pub customer: Option<Box<str>>,
    /// A new script.
    pub script: Option<Box<str>>,
    /// A new agent.
    pub agent: Option<Box<str>>,
    /// The properties of the caller.
    pub caller: Option<Caller>,
    /// Whether `caller` replaces all properties of the caller. Otherwise its empty properties do
    /// not change.
    pub replace_caller: bool,
    /// Whether the call is chargeable.
    pub chargeable: Option<bool>,
    /// Details to add or overwrite.
    pub details: Vec<(Box<str>, Box<str>)>,
    /// Whether `details` replaces all of them.
    pub replace_details: bool,
}

/// What to do if an instance of the workflow already runs on the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfRunning {
    /// Return it, and update the fields that differ.
    ReturnIt,
    /// Refuse the request.
    Refuse,
    /// Cancel it and start a new one.
    Replace,
}

/// When an instance enters its first stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At once, even if it was waiting for the end of the call.
    Immediately,
    /// When the call ends. Until then it waits, and nobody sees it.
    CallEnded,
}

/// Sets a workflow on a call.
#[derive(Clone, Debug)]
pub struct SetWorkflow {
    /// The key of the call.
    pub call: CallKey,
    /// Changes of the call's properties.
    pub changes: CallChanges,
    /// The workflow's name.
    pub workflow: Box<str>,
    /// The version; `None` for the newest published version.
    pub version: Option<u32>,
    /// Values by field name.
    pub fields: Vec<(Box<str>, Value)>,
    /// When the instance is released. If the script does not send it, a new instance is released at
    /// once, and a running one does not change.
    pub release: Option<Release>,
    /// The latest release, in milliseconds from now.
    pub release_within_millis: Option<i64>,
    /// What to do if an instance already runs.
    pub if_running: IfRunning,
}

/// Withdraws an instance.
#[derive(Clone, Debug)]
pub struct WithdrawWorkflow {
    /// The instance.
    pub instance: InstanceId,
    /// The reason for the withdrawal.
    pub reason: Box<str>,
    /// The revision that the script saw.
    pub expected: ExpectedRevision,
    /// Whether a person has worked on the instance, as its history shows. See
    /// [`crate::work::is_work`].
    pub worked: bool,
}

/// Changes the properties of a call.
#[derive(Clone, Debug)]
pub struct UpdateCall {
    /// The call.
    pub call: CallKey,
    /// The changes.
    pub changes: CallChanges,
    /// The revision that the script saw.
    pub expected: ExpectedRevision,
}

/// Ends a call.
#[derive(Clone, Debug)]
pub struct EndCall {
    /// The call.
    pub call: CallKey,
}

/// Records that the caller asked again about an instance.
#[derive(Clone, Debug)]
pub struct ChaseInstance {
    /// The instance.
    pub instance: InstanceId,
    /// What the caller said; empty if there is nothing to note.
    pub note: Box<str>,
}
