//! A set of roles.

use std::fmt;

use aftercall_proto::access::v1::Role;

/// A set of roles.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u16);

impl Roles {
    /// Every role: what the local operator has.
    #[must_use]
    pub fn all() -> Self {
        Role::ALL.into_iter().collect()
    }

    /// Whether the role is in the set.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        self.0 & bit(role) != 0
    }

    /// Whether one of these roles is in the set.
    #[must_use]
    pub fn has_any(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }

    /// Whether the set has no role.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

fn bit(role: Role) -> u16 {
    // There are nine roles, and 0 is none.
    match role as i32 {
        number @ 1..16 => 1 << number,
        _ => 0,
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |set, role| set | bit(role)))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, role) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}", role.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roles({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_only_the_roles_that_were_given() {
        let desk: Roles = [Role::Supervisor, Role::Agent].into_iter().collect();
        assert_eq!(desk.to_string(), "agent, supervisor");
        assert!(desk.has_any(&[Role::Author, Role::Agent]));
        assert!(!desk.has_any(&[Role::Author, Role::Unspecified]) && !desk.has_any(&[]));
        assert_eq!(Roles::all().iter().count(), Role::ALL.len());
        let none: Roles = [Role::Unspecified].into_iter().collect();
        assert!(none.is_empty() && Roles::default().is_empty());
    }
}
