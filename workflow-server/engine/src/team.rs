//! Teams: the groups of people that alerts are for.

/// A declared team. Other records name a team by its place in the World's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The name: lower-case letters, digits and hyphens. It is unique and never changes.
    pub name: String,
    /// The title that people read.
    pub title: String,
    /// Whether its agents only claim the next follow-up, and do not choose one.
    pub claim_next_only: bool,
    /// The number of changes of the team, from 1.
    pub revision: u64,
    /// Whether the team was removed. It keeps its place, because the history names teams by place.
    pub removed: bool,
}
