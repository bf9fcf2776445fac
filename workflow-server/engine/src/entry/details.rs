//! The details of a command that an entry keeps, and the names of its values.

use aftercall_definition::value::Value;

use crate::instance::Instance;

/// The details of a command: its note, and values by name. May contain personal data.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Details {
    /// The stage of the event of the button or timer; 0 without an event.
    pub event_stage: u32,
    /// A note or a reason; empty if there is none.
    pub note: Box<str>,
    /// By name: a form, the updated fields, or other values of the change.
    pub values: Box<[(Box<str>, Value)]>,
}

/// The name of a value in [`Details`]: the person who got an instance by a hand-over.
pub const TO_PERSON: &str = "person";
/// The name of a value in [`Details`]: the person whom a hand-over named, if another person got the
/// instance because that one is away.
pub const INSTEAD_OF: &str = "instead_of";
/// The name of a value in [`Details`]: until when the person who got an instance by a hand-over is
/// away.
pub const AWAY_UNTIL: &str = "away_until";
/// The name of a value in [`Details`]: the team that got an instance by a hand-over.
pub const TO_TEAM: &str = "team";
/// The name of a value in [`Details`]: the action of the changed alert, counted from 0. It is only
/// there if the instance has several alerts.
pub const OF_ALERT: &str = "alert";

impl Details {
    /// Adds the action of the changed alert, if the instance has several alerts.
    pub(crate) fn name_alert(&mut self, instance: &Instance, action: u16) {
        if instance.alerts.len() > 1 {
            let alert = (OF_ALERT.into(), Value::Number(action.into()));
            self.values = self.values.iter().cloned().chain([alert]).collect();
        }
    }
}
