//! What the audit log says of an RPC, collected while the RPC is served.

use std::sync::OnceLock;

use aftercall_identity::{Act, Holder, Identity, Kind, Proof, Roles};
use aftercall_proto::access::v1::Role;
use aftercall_proto::attributed::Attributed;
use aftercall_proto::rules::{Rule, rule};

use crate::caller::Caller;
use crate::cut::cut;

/// Roles whose actions are in the audit log. What agents and script engines do is in the history.
const AUDITED: [Role; 3] = [Role::Author, Role::Operator, Role::Supervisor];

/// Things that one line names; a hand-over or a batch can be about thousands.
const RESOURCES_MAX: usize = 20;

/// What the audit log says of an RPC.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Whether there is an audit log.
    is_on: bool,
    admission: OnceLock<Admission>,
    refused_proof: OnceLock<RefusedProof>,
    about: OnceLock<Vec<Resource>>,
    made: OnceLock<Resource>,
    /// Set if the leader of the cluster answers the request.
    passing_on: OnceLock<()>,
}

/// Who was let in.
#[derive(Debug)]
struct Admission {
    caller: Caller,
    rule: Option<&'static Rule>,
}

/// A proof that was not accepted.
#[derive(Debug)]
struct RefusedProof {
    proof: Proof,
    /// Whose it is, if it is genuine.
    holder: Option<Box<Holder>>,
}

/// Who sent a request, as a line names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'n> {
    pub(crate) subject: &'n str,
    pub(crate) name: &'n str,
    pub(crate) kind: Option<Kind>,
    pub(crate) roles: Roles,
}

/// A thing that a request is about: its kind, and its id or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) kind: &'static str,
    pub(crate) id: Box<str>,
}

impl Notes {
    /// Collects nothing that costs much if there is no audit log.
    pub(crate) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            ..Self::default()
        }
    }

    /// Adds who was let in, by which rule. The first one counts: a stream is checked again.
    pub(crate) fn note_caller(&self, caller: Caller, rule: Option<&'static Rule>) {
        let _ = self.admission.set(Admission { caller, rule });
    }

    /// Adds by which proof somebody was not let in, and whose it is if it is genuine.
    pub(crate) fn note_refused_proof(&self, proof: Proof, holder: Option<Box<Holder>>) {
        let _ = self.refused_proof.set(RefusedProof { proof, holder });
    }

    /// Adds what a request is about, if a line could be written of it.
    pub(crate) fn note_request<T: Attributed>(&self, request: &T) {
        if !self.is_on || !self.may_be_written(request.actor()) {
            return;
        }
        let (mut about, mut left_out) = (Vec::new(), 0_usize);
        request.resources(&mut |kind, id| {
            if about.len() < RESOURCES_MAX {
                let id = cut(id).into();
                about.push(Resource { kind, id });
            } else {
                left_out += 1;
            }
        });
        if left_out > 0 {
            let (kind, id) = ("left_out", left_out.to_string().into());
            about.push(Resource { kind, id });
        }
        let _ = self.about.set(about);
    }

    /// Adds what the RPC has made.
    pub(crate) fn note_made(&self, kind: &'static str, id: &str) {
        if self.is_on {
            let id = cut(id).into();
            let _ = self.made.set(Resource { kind, id });
        }
    }

    /// Notes that the leader of the cluster answers the request.
    pub(crate) fn note_passing_on(&self) {
        let _ = self.passing_on.set(());
    }

    /// Whether the leader of the cluster answers the request.
    pub(crate) fn is_passing_on(&self) -> bool {
        self.passing_on.get().is_some()
    }

    fn identity(&self) -> Option<&Identity> {
        let admission = self.admission.get()?;
        Some(admission.caller.identity())
    }

    /// Who sent it: who was let in, or else the holder of a genuine proof that was not accepted.
    pub(crate) fn sender(&self) -> Option<Sender<'_>> {
        if let Some(identity) = self.identity() {
            return Some(Sender {
                subject: &identity.subject,
                name: &identity.name,
                kind: Some(identity.kind),
                roles: identity.roles,
            });
        }
        let holder = self.refused_proof.get()?.holder.as_deref()?;
        Some(Sender {
            subject: &holder.subject,
            name: &holder.name,
            kind: holder.kind,
            roles: holder.roles,
        })
    }

    /// How the sender has proved who it is, or has failed to.
    pub(crate) fn proof(&self) -> Option<Proof> {
        let refused = self.refused_proof.get().map(|refused| refused.proof);
        refused.or_else(|| Some(self.identity()?.proof))
    }

    /// What the request is about, and what it has made.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.about
            .get()
            .into_iter()
            .flatten()
            .chain(self.made.get())
    }

    /// Whether a request of this path is an action that is in the log also if it succeeds.
    pub(crate) fn is_audited_action(&self, path: &str) -> bool {
        match self.admission.get() {
            None => rule(path).is_some_and(|rule| is_audited(rule, None)),
            Some(Admission {
                caller,
                rule: named,
            }) => {
                let rule = named.or_else(|| rule(path));
                rule.is_some_and(|rule| is_audited(rule, Some(caller.identity())))
            }
        }
    }

    /// Whether the request is an audited action, or a service may refuse it access. A script engine
    /// without a scope that acts for itself is never in the log once it was let in, and its requests
    /// are the most.
    fn may_be_written(&self, actor: &str) -> bool {
        let Some(Admission { caller, rule }) = self.admission.get() else {
            return true;
        };
        let identity = caller.identity();
        let actor = actor.trim();
        !identity.scope.is_everything()
            || !(actor.is_empty() || actor == &*identity.name)
            || Act::AsAnother.check(identity).is_err()
            || rule.is_none_or(|rule| is_audited(rule, Some(identity)))
    }
}

/// Whether somebody acts by this rule in one of the audited roles. Where nobody proves who they are,
/// only what those roles alone may do counts: the work at the desks is in the history.
fn is_audited(rule: &Rule, identity: Option<&Identity>) -> bool {
    let of_identity = |role: &Role| identity.is_none_or(|identity| identity.roles.has(*role));
    let is_audited_role = |role: &Role| AUDITED.contains(role);
    rule.is_action
        && if identity.is_some_and(Identity::is_proved) {
            rule.roles
                .iter()
                .any(|role| is_audited_role(role) && of_identity(role))
        } else {
            rule.roles.iter().all(is_audited_role)
        }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use aftercall_identity::Scope;

    fn identity(roles: &[Role]) -> Identity {
        Identity {
            proof: Proof::TokenFile,
            roles: roles.iter().copied().collect(),
            ..Identity::local_operator()
        }
    }

    fn of(identity: Identity, path: &str) -> Notes {
        let notes = Notes::new(true);
        notes.note_caller(Caller::new(Arc::new(identity)), rule(path));
        notes
    }

    const PUSH: &str = "/aftercall.workflow.v1.CallManagerService/PushButton";
    const SET: &str = "/aftercall.workflow.v1.ScriptEngineService/SetWorkflow";
    const CANCEL: &str = "/aftercall.workflow.v1.OperationsService/CancelInstance";
    const BACKUP: &str = "/aftercall.workflow.v1.OperationsService/Backup";
    const READ: &str = "/aftercall.workflow.v1.OperationsService/GetInstance";

    #[test]
    fn actions_in_an_audited_role_are_in_the_log() {
        let is_audited = |roles: &[Role], path| of(identity(roles), path).is_audited_action(path);
        assert!(!is_audited(&[Role::Agent], PUSH) && is_audited(&[Role::Supervisor], PUSH));
        assert!(is_audited(&[Role::Operator], BACKUP) && is_audited(&[Role::Operator], CANCEL));
        assert!(!is_audited(&[Role::Operator], READ));
        // Its rule has no audited role, whichever other roles its caller has.
        assert!(!is_audited(&[Role::ScriptEngine, Role::Operator], SET));
    }

    #[test]
    fn without_proof_the_work_at_desks_is_not_audited() {
        let is_audited = |path| of(Identity::local_operator(), path).is_audited_action(path);
        assert!(!is_audited(PUSH) && !is_audited(SET));
        assert!(is_audited(CANCEL) && Notes::new(true).is_audited_action(CANCEL));
    }

    /// A request about so many instances.
    struct About(usize);

    impl Attributed for About {
        fn actor(&self) -> &str {
            "Ann"
        }

        fn request_id(&self) -> &str {
            ""
        }

        fn resources(&self, one: &mut dyn FnMut(&'static str, &str)) {
            (0..self.0).for_each(|id| one("instance", &id.to_string()));
        }
    }

    #[test]
    fn a_line_names_at_most_twenty_things() {
        let notes = of(identity(&[Role::Supervisor]), PUSH);
        notes.note_request(&About(25));
        let resources: Vec<_> = notes.resources().collect();
        assert_eq!(resources.len(), RESOURCES_MAX + 1);
        assert_eq!(resources[20].kind, "left_out");
        assert_eq!(&*resources[20].id, "5");
    }

    #[test]
    fn nothing_is_collected_of_what_is_never_written() {
        let engine = Identity {
            name: "Ann".into(),
            ..identity(&[Role::ScriptEngine])
        };
        let notes = of(engine.clone(), SET);
        notes.note_request(&About(1));
        assert_eq!(notes.resources().count(), 0);
        let other = Identity {
            name: "engine-1".into(),
            ..engine.clone()
        };
        let notes = of(other, SET);
        notes.note_request(&About(1));
        assert_eq!(notes.resources().count(), 1, "Ann may not be the agent");
        let scoped = Identity {
            scope: Scope::new(&["Acme"], &[]),
            ..engine
        };
        let notes = of(scoped, SET);
        notes.note_request(&About(1));
        assert_eq!(notes.resources().count(), 1, "it can be out of scope");
        let off = Notes::default();
        off.note_request(&About(1));
        off.note_made("batch", "7");
        assert_eq!(off.resources().count(), 0);
    }
}
