//! Teams: the people whom an alert is for.

/// A declared team. Its place in the World's list of teams is how everything else names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Lower-case letters, digits and hyphens; unique; never changes.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// Whether it was removed. It keeps its place, because the history names it by that.
    pub removed: bool,
}
