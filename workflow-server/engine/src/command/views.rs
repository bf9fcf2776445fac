//! Commands about saved views.

use crate::command::ExpectedRevision;
use crate::saved_view::ViewFilter;

/// Saves a view, or changes what it selects.
#[derive(Clone, Debug)]
pub struct SaveView {
    /// The team that owns it; `None` for the actor.
    pub team: Option<Box<str>>,
    /// The name of the view.
    pub name: Box<str>,
    /// What it selects.
    pub filter: ViewFilter,
    /// The revision that the person saw; 0 for a view that must be new.
    pub expected: ExpectedRevision,
}

/// Removes a view.
#[derive(Clone, Debug)]
pub struct RemoveView {
    /// The team that owns it; `None` for the actor.
    pub team: Option<Box<str>>,
    /// The name of the view.
    pub name: Box<str>,
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}
