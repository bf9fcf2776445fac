//! One step of a property test.

use proptest::sample::Index;

/// Something that somebody does; the player chooses on which instance.
#[derive(Clone, Debug)]
pub enum Step {
    /// A script sets a workflow.
    Set {
        /// Which call.
        call: u8,
        /// Which workflow.
        workflow: Index,
        /// What if it runs.
        if_running: u8,
        /// Whether it waits for the end of the call, and for how long at most.
        release: Option<Option<u16>>,
        /// What the script says of chargeable.
        chargeable: Option<bool>,
    },
    /// A script changes a call.
    Update {
        /// Which call.
        call: u8,
        /// What it says of chargeable.
        chargeable: Option<bool>,
        /// A new customer.
        customer: Option<u8>,
    },
    /// A call ends.
    End(u8),
    /// Somebody pushes a button; sometimes one that does not exist, on an older visit, or without
    /// its form and note.
    Push {
        /// Which instance.
        instance: Index,
        /// Which button.
        button: Index,
        /// How far the visit is off.
        stale: u8,
        /// Whether the form and the note are left out.
        careless: bool,
    },
    /// Somebody writes a note.
    Note(Index),
    /// Somebody has seen an alert: which instance, which action, and whether they looked at an
    /// earlier visit.
    Acknowledge(Index, u8, bool),
    /// Somebody claims, extends, releases, hands over or takes over: which instance, who, what, and
    /// for how many minutes.
    Hold(Index, u8, u8, u16),
    /// Somebody claims the next follow-up.
    Next(u8, u16),
    /// Somebody snoozes an alert: which instance, which action, who, and for how many minutes; 0
    /// brings it back.
    Snooze(Index, u8, u8, u16),
    /// Somebody pauses: which instance, and for how many minutes, if that is known.
    Pause(Index, Option<u16>),
    /// Somebody resumes.
    Resume(Index),
    /// Somebody finishes by hand: which instance, and who.
    Finish(Index, u8),
    /// Somebody takes the newest push back; as a supervisor, or not.
    Undo(bool),
    /// A caller asks again.
    Chase(Index),
    /// Operations move an instance to one of its stages.
    Move(Index, Index),
    /// Operations migrate an instance to a version: the number modulo the number of versions.
    Migrate(Index, u8),
    /// Operations start a batch over all that is open, or stop the newest: which work, whether to
    /// stop.
    Batch(u8, bool),
    /// The next item of the newest batch is done.
    StepBatch,
    /// Calls of which everything has ended leave memory: after how many minutes, and how many calls
    /// at most.
    Archive(u16, u8),
    /// The oldest chunk of the archive is rewritten with the same content, or removed.
    Replace(bool),
    /// Operations confirm that so many may be removed.
    ConfirmPurge(u8),
    /// Somebody looks up the calls of a caller, and erases those that an earlier such step looked
    /// up.
    Erase(u8),
    /// The newest erasure continues: its next call is masked, or it is done.
    StepErasure,
    /// A script takes an instance back.
    Withdraw(Index),
    /// Operations cancel an instance.
    Cancel(Index),
    /// Somebody amends a workflow and publishes the new version: which workflow, how, and in which
    /// stage.
    Publish(Index, u8, Index),
    /// An author declares or removes a team: which, and whether to remove it.
    Team(u8, bool),
    /// The last request is repeated with the same id.
    Again,
    /// Somebody publishes a workflow with another retention in days; with 0, operations confirm the
    /// newest one.
    Retention(Index, u16),
    /// Operations accept a wall clock that is so many milliseconds ahead or behind.
    AcceptClock(i32),
    /// Time passes, and the earliest timer fires if it is due.
    Pass(u32),
}
