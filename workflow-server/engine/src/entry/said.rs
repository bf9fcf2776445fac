//! What an actor says with a command, and the names that an entry gives to what it is about.

use aftercall_definition::value::Value;

use crate::instance::Instance;

/// What the actor said with the command. Personal data may be in it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Said {
    /// The stage number of the button's or timer's event; 0 for none.
    pub event_stage: u32,
    /// A note or a reason; empty for none.
    pub note: Box<str>,
    /// A form, the fields that were updated, or what the command changed, by name.
    pub values: Box<[(Box<str>, Value)]>,
}

/// The name of a value in [`Said`]: the person to whom it was handed over.
pub const TO_PERSON: &str = "person";
/// The team to which it was handed over.
pub const TO_TEAM: &str = "team";
/// The action of the alert that a change is about, counted from 0, where more than one alert is
/// there.
pub const OF_ALERT: &str = "alert";

impl Said {
    /// Names the alert that the change is about, where an instance has others as well.
    pub(crate) fn name_alert(&mut self, instance: &Instance, action: u16) {
        if instance.alerts.len() > 1 {
            let alert = (OF_ALERT.into(), Value::Number(action.into()));
            self.values = self.values.iter().cloned().chain([alert]).collect();
        }
    }
}
