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
    use std::fmt::Write as _;
    use std::{env, fs};

    use aftercall_scope::Scope;

    use super::*;
    use crate::identity::Proof;

    const SECURITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md");

    /// The first line of the table in docs/security.md.
    const HEAD: &str = "| request | who may | the others get |\n|---|---|---|\n";

    /// What each act is in requests, and what those get who may not.
    const REQUESTS: [(Act, &str, &str); Act::ALL.len()] = [
        (
            Act::AsAnother,
            "any, with the `actor` of somebody else, who is the [agent of the call](#who-acts)",
            "`ACTOR_NOT_ALLOWED`, or `NOT_THE_AGENT` for another name",
        ),
        (
            Act::UndoOfAnother,
            "`UndoPush` with `as_supervisor`, which takes back what another person pushed",
            "`ROLE_MISSING`",
        ),
        (
            Act::ReadHidden,
            "`ListHistory` and `ExplainInstance` of what Call Managers do not see",
            "`NOT_FOUND`",
        ),
        (
            Act::DrawHidden,
            "`RenderWorkflow` with such an instance",
            "`NOT_FOUND`",
        ),
        (
            Act::AwayOfAnother,
            "`SetAway` and `EndAway` with the `person` of somebody else",
            "`ROLE_MISSING`",
        ),
        (
            Act::ViewOfTeam,
            "`SaveView` and `RemoveView` with a `team`, whose view it then is; the team must be in scope",
            "`ROLE_MISSING`, or `OUT_OF_SCOPE` for the team",
        ),
        (
            Act::LeadBatch,
            "`StartBatch` to move, cancel or migrate",
            "`ROLE_MISSING`",
        ),
        (
            Act::DeskBatch,
            "`StartBatch` to push, snooze or claim",
            "`ROLE_MISSING`",
        ),
        (
            Act::BatchOfAnother,
            "batches that somebody else started, to see and to stop them; not with a scope",
            "`NOT_FOUND`",
        ),
        (
            Act::ChooseWork,
            "to choose among the follow-ups of a team whose agents only claim the next one",
            "`CLAIM_NEXT_ONLY`",
        ),
        (
            Act::OnWholeServer,
            "`Backup`, `AcceptClock`, `ConfirmPurge`, `ConfirmRetention`, `StepDown` and the change feed, which are about all calls",
            "`SCOPE_LIMITED`",
        ),
    ];

    /// The table of the page. Who may is what [`Act::check`] decides.
    fn table() -> String {
        let mut table = HEAD.to_owned();
        for (act, request, otherwise) in REQUESTS {
            let may = |role: &Role| act.check(&identity(*role, Scope::everything())).is_ok();
            let roles: Vec<&str> = (Role::ALL.into_iter().filter(may))
                .map(Role::name)
                .collect();
            let who = match roles.len() == Role::ALL.len() {
                true => "whose scope has no limit".to_owned(),
                false => roles.join(", "),
            };
            writeln!(table, "| {request} | {who} | {otherwise} |").expect("a string");
        }
        table
    }

    #[test]
    fn the_security_page_has_the_table_of_all_acts() {
        assert_eq!(REQUESTS.map(|(act, ..)| act), Act::ALL);
        let page = fs::read_to_string(SECURITY).expect("docs/security.md");
        let (before, rest) = page.split_once(HEAD).expect("the head of the table");
        let rows = rest.find("\n\n").expect("a paragraph after it") + 1;
        if env::var_os("AFTERCALL_WRITE_DOCS").is_some() {
            let rewritten = [before, &table(), &rest[rows..]].concat();
            fs::write(SECURITY, rewritten).expect("written");
            return;
        }
        let command = "AFTERCALL_WRITE_DOCS=1 cargo test -p aftercall-identity";
        assert_eq!(HEAD.to_owned() + &rest[..rows], table(), "run {command}");
    }

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
