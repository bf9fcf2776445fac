//! What a request may ask for beyond what its RPC is for.
//!
//! Promise: whether an identity may do so is decided here and nowhere else. The rules of whole RPCs
//! are in the `.proto` files.

use aftercall_proto::access::v1::Role;

use crate::identity::Identity;

/// Something that only some of those who may call an RPC may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To act under the name of another person or program: a request whose `actor` is not the
    /// caller.
    AsAnother,
    /// To take back what another person pushed: `UndoPush` with `as_supervisor`.
    UndoOfAnother,
    /// To read about what Call Managers do not see: instances that are not released, or on a call
    /// that is not chargeable.
    ReadHidden,
    /// To see a picture of such an instance.
    DrawHidden,
    /// To set or end that another person is away: a request whose `person` is not the caller.
    AwayOfAnother,
    /// To save or remove a view that belongs to a team.
    ViewOfTeam,
    /// What concerns every call of a server: its feed, a backup, its clock, and what it removes.
    OnWholeServer,
}

/// Why an identity may not do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It has none of these roles.
    NeedsRole(&'static [Role]),
    /// Its scope is limited.
    NeedsWholeScope,
}

impl Act {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::AsAnother,
        Self::UndoOfAnother,
        Self::ReadHidden,
        Self::DrawHidden,
        Self::AwayOfAnother,
        Self::ViewOfTeam,
        Self::OnWholeServer,
    ];

    /// Checks whether an identity may do so. The local operator may do everything.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check(self, identity: &Identity) -> Result<(), Forbidden> {
        let roles: &[Role] = match self {
            _ if !identity.is_proved() => return Ok(()),
            Self::AsAnother => &[Role::ScriptEngine],
            Self::UndoOfAnother | Self::AwayOfAnother => &[Role::Supervisor],
            Self::ReadHidden => &[Role::Supervisor, Role::Operator, Role::Auditor],
            Self::DrawHidden => &[
                Role::Supervisor,
                Role::Author,
                Role::Operator,
                Role::Auditor,
            ],
            Self::ViewOfTeam => &[Role::Supervisor, Role::Author],
            Self::OnWholeServer if identity.scope.is_everything() => return Ok(()),
            Self::OnWholeServer => return Err(Forbidden::NeedsWholeScope),
        };
        if identity.roles.has_any(roles) {
            Ok(())
        } else {
            Err(Forbidden::NeedsRole(roles))
        }
    }
}

#[cfg(test)]
mod tests {
    use aftercall_scope::Scope;

    use super::*;
    use crate::identity::Proof;

    /// Role by role, whether it may act as another, undo for another, read and draw what is hidden, set
    /// another away, save views of a team, and act on the whole server without and with a scope.
    const TABLE: [(Role, [bool; 8]); 9] = [
        (
            Role::ScriptEngine,
            [true, false, false, false, false, false, true, false],
        ),
        (
            Role::Agent,
            [false, false, false, false, false, false, true, false],
        ),
        (
            Role::Supervisor,
            [false, true, true, true, true, true, true, false],
        ),
        (
            Role::Author,
            [false, false, false, true, false, true, true, false],
        ),
        (
            Role::Operator,
            [false, false, true, true, false, false, true, false],
        ),
        (
            Role::Auditor,
            [false, false, true, true, false, false, true, false],
        ),
        (
            Role::Alerter,
            [false, false, false, false, false, false, true, false],
        ),
        (
            Role::Display,
            [false, false, false, false, false, false, true, false],
        ),
        (
            Role::Member,
            [false, false, false, false, false, false, true, false],
        ),
    ];

    fn identity(role: Role, scope: Scope) -> Identity {
        Identity {
            roles: [role].into_iter().collect(),
            scope,
            proof: Proof::TokenFile,
            ..Identity::local_operator()
        }
    }

    #[test]
    fn each_role_may_do_what_the_table_says() {
        assert_eq!(TABLE.map(|(role, _)| role), Role::ALL);
        for (role, expected) in TABLE {
            let whole = identity(role, Scope::everything());
            let limited = identity(role, Scope::new(&["Acme"], &[]));
            let of_whole = Act::ALL.map(|act| act.check(&whole).is_ok());
            let on_server_limited = Act::OnWholeServer.check(&limited).is_ok();
            let found = of_whole.into_iter().chain([on_server_limited]);
            assert_eq!(found.collect::<Vec<_>>(), expected, "{}", role.name());
            for act in Act::ALL.iter().filter(|act| **act != Act::OnWholeServer) {
                assert_eq!(act.check(&limited), act.check(&whole), "{act:?}");
            }
        }
    }

    #[test]
    fn the_local_operator_may_do_everything() {
        for act in Act::ALL {
            assert_eq!(act.check(&Identity::local_operator()), Ok(()));
        }
    }
}
