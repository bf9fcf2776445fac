//! The details of a command that an entry keeps, and the names of their values.

use aftercall_definition::value::Value;

use crate::instance::Instance;

/// The details of a command: its note, and values by name. May contain personal data.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Details {
    /// The stage number of the button's or timer's event; 0 for none.
    pub event_stage: u32,
    /// A note or a reason; empty for none.
    pub note: Box<str>,
    /// A form, the fields that were updated, or what the command changed, by name.
    pub values: Box<[(Box<str>, Value)]>,
}

/// The name of a value in [`Details`]: the person to whom an instance was handed over.
pub const TO_PERSON: &str = "person";
/// The name of a value in [`Details`]: the team to which an instance was handed over.
pub const TO_TEAM: &str = "team";
/// The name of a value in [`Details`]: the action of the changed alert, counted from 0, where the
/// instance has several alerts.
pub const OF_ALERT: &str = "alert";

impl Details {
    /// Adds the number of the changed alert's action, where the instance has several alerts.
    pub(crate) fn name_alert(&mut self, instance: &Instance, action: u16) {
        if instance.alerts.len() > 1 {
            let alert = (OF_ALERT.into(), Value::Number(action.into()));
            self.values = self.values.iter().cloned().chain([alert]).collect();
        }
    }
}
