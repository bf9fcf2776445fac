//! Commands of script engines: workflows that are set on calls, and what is known of a call.

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

/// What the archive knows of a call, looked up before the decision, which can do no I/O.
#[derive(Clone, Debug)]
pub struct KnownCall {
    /// The newest file of the archive at that look: where there is a newer one by now, the call
    /// may have left memory since, and the look has to be repeated.
    pub newest_file: u64,
    /// The call as it was when it left memory; none where the archive does not hold it.
    pub call: Option<Arc<Call>>,
}

/// What is known of a call, as far as it is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallChanges {
    /// A new customer.
    pub customer: Option<Box<str>>,
    /// A new script.
    pub script: Option<Box<str>>,
    /// A new agent.
    pub agent: Option<Box<str>>,
    /// What is known of the caller.
    pub caller: Option<Caller>,
    /// Whether the caller is that and no more; otherwise only what is not empty changes.
    pub replace_caller: bool,
    /// Chargeable or not.
    pub chargeable: Option<bool>,
    /// Details to add or overwrite.
    pub details: Vec<(Box<str>, Box<str>)>,
    /// Whether `details` replaces all of them.
    pub replace_details: bool,
}

/// What to do if an instance of the workflow still runs on the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfRunning {
    /// Return it, with the fields that differ updated.
    ReturnIt,
    /// Refuse.
    Refuse,
    /// Cancel it and start a new one.
    Replace,
}

/// When an instance enters its first stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At once, also where it was to wait.
    Immediately,
    /// When the call has ended; until then it waits, unseen.
    CallEnded,
}

/// Sets a workflow on a call.
#[derive(Clone, Debug)]
pub struct SetWorkflow {
    /// Which call.
    pub call: CallKey,
    /// What is known of it.
    pub changes: CallChanges,
    /// The workflow's name.
    pub workflow: Box<str>,
    /// The version; none for the newest published.
    pub version: Option<u32>,
    /// Values by field name.
    pub fields: Vec<(Box<str>, Value)>,
    /// When it is released; none where the script does not say: a new one at once, and one that
    /// runs as it was.
    pub release: Option<Release>,
    /// When it is released at the latest, in milliseconds from now.
    pub release_within_millis: Option<i64>,
    /// What to do if it runs already.
    pub if_running: IfRunning,
}

/// Takes an instance back.
#[derive(Clone, Debug)]
pub struct WithdrawWorkflow {
    /// The instance.
    pub instance: InstanceId,
    /// Why.
    pub reason: Box<str>,
    /// The revision that the script saw.
    pub expected: ExpectedRevision,
    /// Whether somebody has worked on it, as its history shows: see [`crate::work::is_work`].
    pub worked: bool,
}

/// Changes what is known of a call.
#[derive(Clone, Debug)]
pub struct UpdateCall {
    /// The call.
    pub call: CallKey,
    /// What changes.
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

/// Records that the caller asked for it again.
#[derive(Clone, Debug)]
pub struct ChaseInstance {
    /// The instance.
    pub instance: InstanceId,
    /// What the caller said; empty for nothing.
    pub note: Box<str>,
}
