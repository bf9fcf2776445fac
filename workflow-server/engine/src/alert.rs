//! The open alerts of instances.

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

/// An open alert of an instance: it asks people to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which action of the stage raised it, counted from 0.
    pub action: u16,
    /// What is to be done, filled in with what the instance and its call hold. Personal data may
    /// be in it.
    pub text: Box<str>,
    /// Its team's place in the World's list.
    pub team: u32,
    /// The teams that it is for as well, by place.
    pub added_teams: Box<[u32]>,
    /// How urgent it is.
    pub priority: Priority,
    /// From when its time counts, where that is not when the stage was entered: a timer that fired
    /// late led there, it was raised in a pause, or a migration added it.
    pub counts_from: Option<Time>,
    /// When it should be done.
    pub due: Option<Time>,
    /// When it escalates next.
    pub escalates_at: Option<Time>,
    /// How many times it has escalated.
    pub escalated: u16,
    /// Who has seen it first, and when.
    pub seen: Option<Seen>,
    /// Until when it is hidden.
    pub snooze: Option<Box<Snooze>>,
}

impl Alert {
    /// All teams that it is for, by place.
    pub fn teams(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(self.team).chain(self.added_teams.iter().copied())
    }
}

/// Somebody has hidden an alert for a time. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snooze {
    /// Who.
    pub by: Box<str>,
    /// When it comes back.
    pub until: Time,
}

/// Somebody has seen an alert. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub by: Box<str>,
    /// When.
    pub at: Time,
}

/// Values of a form, by name.
pub type FormValues = Box<[(Box<str>, Value)]>;

/// What the texts of the alerts are filled in with, beside the fields and the call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filling {
    /// What the form of the push that led to the stage holds of the names that the texts show.
    /// None where it was not kept: a text that shows such a name then stays as it was filled in.
    /// Personal data.
    pub form: Option<FormValues>,
    /// When the texts are filled in again, where a change of the call left them to an entry of
    /// their own.
    pub refresh_at: Option<Time>,
}
