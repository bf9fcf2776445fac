//! What a caller may see and touch.
//!
//! Promise: both servers decide by [`Scope::has_follow_up`] whether a follow-up is in scope. Must
//! not: know requests, or how a server keeps follow-ups.

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

    /// Whether a follow-up on a call of this customer is in scope.
    ///
    /// `teams` are those that decide: the teams of its open alerts, snoozed ones too, or without an
    /// open alert the teams that its version of the workflow names. If that names none, the
    /// customer alone decides.
    #[must_use]
    pub fn has_follow_up<'t>(
        &self,
        customer: &str,
        teams: impl IntoIterator<Item = &'t str>,
    ) -> bool {
        self.has_customer(customer) && self.has_teams(teams)
    }

    /// The same, as far as the teams decide.
    #[must_use]
    pub fn has_teams<'t>(&self, teams: impl IntoIterator<Item = &'t str>) -> bool {
        if self.teams.is_empty() {
            return true;
        }
        let mut teams = teams.into_iter().peekable();
        teams.peek().is_none() || teams.any(|team| self.has_team(team))
    }

    /// Whether something can be in both scopes.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let have_one = |own: &[Box<str>], others: &[Box<str>]| {
            own.is_empty() || others.is_empty() || own.iter().any(|name| has(others, name))
        };
        have_one(&self.customers, &other.customers) && have_one(&self.teams, &other.teams)
    }

    /// The scope as bytes, to which tokens of pages and streams are bound; empty without a limit.
    /// Two scopes have the same bytes only if they are equal.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.is_everything() {
            return bytes;
        }
        for names in [&self.customers, &self.teams] {
            bytes.extend_from_slice(&(names.len() as u64).to_be_bytes());
            for name in names.iter() {
                bytes.extend_from_slice(&(name.len() as u64).to_be_bytes());
                bytes.extend_from_slice(name.as_bytes());
            }
        }
        bytes
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

    #[test]
    fn a_follow_up_needs_its_customer_and_one_team() {
        let scope = Scope::new(&["Acme"], &["billing", "sales"]);
        assert!(scope.has_follow_up("Acme", ["care", "sales"]));
        assert!(!scope.has_follow_up("Acme", ["care"]));
        assert!(!scope.has_follow_up("Zeta", ["sales"]));
        assert!(scope.has_follow_up("Acme", []), "no team decides");
        assert!(!scope.has_follow_up("Zeta", []));
        assert!(Scope::new(&["Acme"], &[]).has_follow_up("Acme", ["care"]));
    }

    #[test]
    fn scopes_overlap_in_customers_and_in_teams() {
        let billing = Scope::new(&["Acme", "Zeta"], &["billing"]);
        for (customers, teams, overlaps) in [
            (&[][..], &[][..], true),
            (&["Zeta"], &[], true),
            (&[], &["billing", "care"], true),
            (&["Acme"], &["billing"], true),
            (&["Acme"], &["care"], false),
            (&["Other"], &["billing"], false),
        ] {
            let other = Scope::new(customers, teams);
            assert_eq!(billing.overlaps(&other), overlaps, "{other:?}");
            assert_eq!(other.overlaps(&billing), overlaps, "{other:?}");
        }
    }

    #[test]
    fn different_scopes_have_different_bytes() {
        let scopes = [
            Scope::everything(),
            Scope::new(&["a", "b"], &[]),
            Scope::new(&["ab"], &[]),
            Scope::new(&[], &["a", "b"]),
            Scope::new(&["a"], &["b"]),
        ];
        for one in &scopes {
            for other in &scopes {
                assert_eq!(one.to_bytes() == other.to_bytes(), one == other);
            }
        }
        assert!(Scope::everything().to_bytes().is_empty());
    }
}
