//! The circumstances in which an instance enters a stage.

use aftercall_definition::Definition;
use aftercall_definition::facts::Facts;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::call::Call;
use crate::instance::Instance;
use crate::query::{zone_beside_caller, zone_name};
use crate::world::Root;

/// The circumstances in which an instance enters a stage.
pub(super) struct Scene<'a> {
    pub(super) definition: &'a Definition,
    pub(super) call: &'a Call,
    pub(super) root: &'a Root,
    /// The form of the push that leads to the stage.
    pub(super) form: &'a [(Box<str>, Value)],
    pub(super) now: Time,
    /// When a clock that starts now begins to count. During a pause, this is the start of the
    /// pause, because resuming moves each clock by the whole pause. After a timer, it is the due
    /// time of that timer.
    pub(super) counts_from: Time,
    /// The earliest due time of a timer that starts now: now, or the start of the pause.
    pub(super) earliest: Time,
}

impl<'a> Scene<'a> {
    /// The scene for an instance before it enters the stage.
    pub(super) fn new(
        (root, now): (&'a Root, Time),
        definition: &'a Definition,
        call: &'a Call,
        instance: &Instance,
    ) -> Self {
        let clock = instance.clock(now);
        Self {
            definition,
            call,
            root,
            form: &[],
            now,
            counts_from: clock,
            earliest: clock,
        }
    }

    /// Sets the time at which an automatic change was due. The server may be some milliseconds late
    /// or down for hours. A promise to a caller must not depend on that.
    pub(super) fn due_at(self, due: Time) -> Self {
        Self {
            counts_from: self.counts_from.min(due),
            ..self
        }
    }

    pub(super) fn facts<'f>(&'f self, instance: &'f Instance) -> Facts<'f> {
        Facts {
            declared: &self.definition.fields,
            values: &instance.fields,
            form: self.form,
            call: self.call.facts(),
            visit: instance.visit(),
            now: self.now,
            zone: zone_name(zone_beside_caller(self.root, self.definition, None)),
        }
    }
}
