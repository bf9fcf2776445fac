//! A step of a property test.

use proptest::sample::Index;

/// Something that a person, a script or the server does. The player chooses the instance.
#[derive(Clone, Debug)]
pub enum Step {
    /// A script sets a workflow.
    Set {
        /// The call.
        call: u8,
        /// The workflow.
        workflow: Index,
        /// What to do if an instance already runs.
        if_running: u8,
        /// Whether the instance waits for the end of the call, and the longest wait.
        release: Option<Option<u16>>,
        /// Whether the call is chargeable.
        chargeable: Option<bool>,
    },
    /// A script changes a call.
    Update {
        /// The call.
        call: u8,
        /// Whether the call is chargeable.
        chargeable: Option<bool>,
        /// A new customer.
        customer: Option<u8>,
    },
    /// A call ends.
    End(u8),
    /// A person pushes a button. Sometimes the button does not exist, the visit is old, or the form
    /// and note are missing.
    Push {
        /// The instance.
        instance: Index,
        /// The button.
        button: Index,
        /// How old the visit is.
        stale: u8,
        /// Whether the form and the note are missing.
        careless: bool,
    },
    /// A person adds a note.
    Note(Index),
    /// A person acknowledges an alert: the instance, the action, and whether the person saw an
    /// earlier visit.
    Acknowledge(Index, u8, bool),
    /// A person claims, extends, releases, hands over or takes over: the instance, the person,
    /// which of these, and the minutes.
    Hold(Index, u8, u8, u16),
    /// A person claims the next follow-up: the person and the minutes.
    Next(u8, u16),
    /// A person snoozes an alert: the instance, the action, the person, and the minutes. With 0
    /// minutes the alert returns.
    Snooze(Index, u8, u8, u16),
    /// A person pauses an instance: the instance, and the minutes if the end is known.
    Pause(Index, Option<u16>),
    /// A person resumes an instance.
    Resume(Index),
    /// A person finishes an instance by hand: the instance and the person.
    Finish(Index, u8),
    /// A person undoes the newest push: whether as a supervisor.
    Undo(bool),
    /// A person saves or removes a view, of their own or of a team: the person, which view, and
    /// whether to remove it.
    View(u8, u8, bool),
    /// A caller asks again.
    Chase(Index),
    /// Operations move an instance to one of its stages.
    Move(Index, Index),
    /// Operations migrate an instance to a version: the number modulo the number of versions.
    Migrate(Index, u8),
    /// Operations start a batch over all open instances, or stop the newest batch: the work, and
    /// whether to stop.
    Batch(u8, bool),
    /// The server processes the next item of the newest batch.
    StepBatch,
    /// Calls with only ended instances leave memory: after how many minutes, and at most how many
    /// calls.
    Archive(u16, u8),
    /// The oldest chunk of the archive is rewritten with the same content, or is removed if this is
    /// true.
    Replace(bool),
    /// Operations allow the next purge to remove this many instances.
    ConfirmPurge(u8),
    /// Operations search for the calls of a caller. Then they erase the calls that an earlier step
    /// of this kind found.
    Erase(u8),
    /// The newest erasure continues: it masks its next call, or it is done.
    StepErasure,
    /// A script withdraws an instance.
    Withdraw(Index),
    /// Operations cancel an instance.
    Cancel(Index),
    /// An author amends a workflow and publishes the new version: the workflow, the kind of
    /// amendment, and the stage.
    Publish(Index, u8, Index),
    /// An author declares or removes a team: the team, and whether to remove it.
    Team(u8, bool),
    /// A client repeats the last request with the same id.
    Again,
    /// An author publishes a workflow with another retention in days. With 0, operations confirm
    /// the newest one.
    Retention(Index, u16),
    /// Operations accept a wall clock that is this many milliseconds ahead or behind.
    AcceptClock(i32),
    /// Time passes, and the earliest timer fires if it is due.
    Pass(u32),
}
