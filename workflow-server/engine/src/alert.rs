//! Alerts that stand on instances.

use crate::definition::model::Priority;
use crate::time::Time;

/// A call for somebody's attention that stands on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which action of the stage raised it, counted from 0.
    pub action: u16,
    /// What is to be done, filled in when the stage was entered. Personal data may be in it.
    pub text: Box<str>,
    /// Its team's place in the World's list.
    pub team: u32,
    /// The teams that it is for as well, by place.
    pub added_teams: Box<[u32]>,
    /// How urgent it is.
    pub priority: Priority,
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
