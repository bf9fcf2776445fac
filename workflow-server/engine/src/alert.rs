//! The open alerts of instances.

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

/// An open alert of an instance. It asks people to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The action of the stage that raised the alert, counted from 0.
    pub action: u16,
    /// What people should do. The values of the instance and its call are filled in, so it may
    /// contain personal data.
    pub text: Box<str>,
    /// The place of the alert's team in the World's list.
    pub team: u32,
    /// The places of further teams that the alert is for.
    pub added_teams: Box<[u32]>,
    /// The urgency of the alert.
    pub priority: Priority,
    /// When the time of the alert begins to count; `None` if this is the entry of the stage. It
    /// differs if a timer that fired late led to the stage, if the alert was raised during a pause,
    /// or if a migration added it.
    pub counts_from: Option<Time>,
    /// When the work should be done.
    pub due: Option<Time>,
    /// When the alert escalates next.
    pub escalates_at: Option<Time>,
    /// How many times the alert has escalated.
    pub escalated: u16,
    /// The first person who saw the alert, and when.
    pub seen: Option<Seen>,
    /// The snooze that hides the alert.
    pub snooze: Option<Box<Snooze>>,
}

impl Alert {
    /// The places of all teams that the alert is for.
    pub fn teams(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(self.team).chain(self.added_teams.iter().copied())
    }
}

/// A snooze: a person has hidden an alert until a time. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snooze {
    /// The person who hid the alert.
    pub by: Box<str>,
    /// When the alert returns.
    pub until: Time,
}

/// A person has seen an alert. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The person who saw the alert.
    pub by: Box<str>,
    /// When the person saw it.
    pub at: Time,
    /// When the alert counts as new again if nobody works on it; `None` if it never does.
    pub until: Option<Time>,
}

/// Values of a form, by name.
pub type FormValues = Box<[(Box<str>, Value)]>;

/// What fills in the texts of the alerts, besides the fields and the call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filling {
    /// The values that the texts show of the form of the push that led to the stage. `None` if the
    /// form was not kept. Then a text that shows such a value is not filled in again. Personal
    /// data.
    pub form: Option<FormValues>,
    /// When a timer fills the texts in again; `None` if they are up to date. An entry that changes
    /// a call may have no room for them.
    pub refresh_at: Option<Time>,
}
