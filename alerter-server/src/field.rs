//! The fields by whose values views are indexed.

/// A field by whose values views are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    /// The call: source and id.
    Call,
    /// Who holds it.
    Holder,
    /// The customer.
    Customer,
    /// The team of an alert.
    Team,
    /// A team that decides for whom it is in scope.
    TeamOfScope,
    /// The workflow.
    Workflow,
}

impl Field {
    /// All of them, the most selective first.
    pub(crate) const ALL: [Self; 6] = [
        Self::Call,
        Self::Holder,
        Self::Customer,
        Self::Team,
        Self::TeamOfScope,
        Self::Workflow,
    ];
}

/// A call as one value. Two calls may have the same value: they find the same views, whose filters
/// then decide.
pub(crate) fn value_of_call(source: &str, id: &str) -> String {
    format!("{source}\0{id}")
}
