//! What a caller may see and touch.

use std::sync::Arc;

/// The customers and the teams whose calls and follow-ups a caller may see and touch.
///
/// An empty list has no limit. With both lists a follow-up must be within each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    customers: Arc<[Box<str>]>,
    teams: Arc<[Box<str>]>,
}

impl Scope {
    /// A scope of these customers and teams, in any order.
    #[must_use]
    pub fn new<S: AsRef<str>>(customers: &[S], teams: &[S]) -> Self {
        Self {
            customers: sorted(customers),
            teams: sorted(teams),
        }
    }

    /// All customers and all teams.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Whether there is no limit.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.customers.is_empty() && self.teams.is_empty()
    }

    /// The customers, sorted; empty for all.
    #[must_use]
    pub fn customers(&self) -> &[Box<str>] {
        &self.customers
    }

    /// The teams, sorted; empty for all.
    #[must_use]
    pub fn teams(&self) -> &[Box<str>] {
        &self.teams
    }

    /// Whether calls of this customer are in scope.
    #[must_use]
    pub fn has_customer(&self, customer: &str) -> bool {
        has(&self.customers, customer)
    }

    /// Whether follow-ups of this team are in scope.
    #[must_use]
    pub fn has_team(&self, team: &str) -> bool {
        has(&self.teams, team)
    }
}

fn sorted<S: AsRef<str>>(names: &[S]) -> Arc<[Box<str>]> {
    let mut names: Vec<Box<str>> = names.iter().map(|name| name.as_ref().into()).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

fn has(names: &[Box<str>], name: &str) -> bool {
    names.is_empty()
        || names
            .binary_search_by(|known| known.as_ref().cmp(name))
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_has_no_limit() {
        let all = Scope::everything();
        assert!(all.is_everything() && all.has_customer("Acme") && all.has_team(""));
        let scope = Scope::new(&["Zeta", "Acme", "Acme"], &[]);
        assert!(scope.has_customer("Acme") && scope.has_customer("Zeta"));
        assert!(!scope.has_customer("acme") && !scope.has_customer(""));
        assert!(scope.has_team("billing") && !scope.is_everything());
        assert_eq!(scope, Scope::new(&["Acme", "Zeta"], &[]));
    }
}
