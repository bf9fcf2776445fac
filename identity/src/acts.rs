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
    /// To move, cancel or migrate many instances: `StartBatch` with such work.
    LeadBatch,
    /// To push, snooze or claim many follow-ups: `StartBatch` with such work.
    DeskBatch,
    /// To see and stop batches that somebody else started.
    BatchOfAnother,
    /// To choose among the follow-ups of a team whose agents only claim the next one.
    ChooseWork,
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
    pub const ALL: [Self; 11] = [
        Self::AsAnother,
        Self::UndoOfAnother,
        Self::ReadHidden,
        Self::DrawHidden,
        Self::AwayOfAnother,
        Self::ViewOfTeam,
        Self::LeadBatch,
        Self::DeskBatch,
        Self::BatchOfAnother,
        Self::ChooseWork,
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
            Self::LeadBatch | Self::ChooseWork => &[Role::Supervisor, Role::Operator],
            Self::DeskBatch => &[Role::Agent, Role::Supervisor],
            Self::BatchOfAnother => &[Role::Supervisor, Role::Operator, Role::Auditor],
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

    /// Role by role, the acts that it may do on the whole server. With a scope it may do the same,
    /// but for what concerns every call.
    const TABLE: [(Role, &[Act]); 9] = [
        (Role::ScriptEngine, &[Act::AsAnother, Act::OnWholeServer]),
        (Role::Agent, &[Act::DeskBatch, Act::OnWholeServer]),
        (
            Role::Supervisor,
            &[
                Act::UndoOfAnother,
                Act::ReadHidden,
                Act::DrawHidden,
                Act::AwayOfAnother,
                Act::ViewOfTeam,
                Act::LeadBatch,
                Act::DeskBatch,
                Act::BatchOfAnother,
                Act::ChooseWork,
                Act::OnWholeServer,
            ],
        ),
        (
            Role::Author,
            &[Act::DrawHidden, Act::ViewOfTeam, Act::OnWholeServer],
        ),
        (
            Role::Operator,
            &[
                Act::ReadHidden,
                Act::DrawHidden,
                Act::LeadBatch,
                Act::BatchOfAnother,
                Act::ChooseWork,
                Act::OnWholeServer,
            ],
        ),
        (
            Role::Auditor,
            &[
                Act::ReadHidden,
                Act::DrawHidden,
                Act::BatchOfAnother,
                Act::OnWholeServer,
            ],
        ),
        (Role::Alerter, &[Act::OnWholeServer]),
        (Role::Display, &[Act::OnWholeServer]),
        (Role::Member, &[Act::OnWholeServer]),
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
            let may = |act: &Act| act.check(&whole).is_ok();
            let found: Vec<Act> = Act::ALL.into_iter().filter(may).collect();
            assert_eq!(found, expected, "{}", role.name());
            assert!(Act::OnWholeServer.check(&limited).is_err());
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
