//! Who a caller is.

use std::sync::Arc;
use std::time::SystemTime;

use aftercall_proto::access::v1 as proto;
use aftercall_scope::Scope;

use crate::roles::Roles;

/// Whether an identity is a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    Person,
    /// A program.
    Service,
}

/// How an identity was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not at all: the server requires no proof.
    None,
    /// By a token of the token file.
    TokenFile,
    /// By a JWT of a trusted issuer.
    Jwt,
    /// By a client certificate.
    ClientCertificate,
}

/// Who a caller is, and what it may see and do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Stable id, under which limits are counted.
    pub subject: Arc<str>,
    /// Name that histories and other people's screens show.
    pub name: Arc<str>,
    /// Whether it is a person.
    pub kind: Kind,
    /// What it may do.
    pub roles: Roles,
    /// What it may see and touch.
    pub scope: Scope,
    /// How it was proved.
    pub proof: Proof,
    /// When the proof ends; `None` if it has no end.
    pub expires_at: Option<SystemTime>,
}

impl Identity {
    /// The local operator: everybody who reaches a server that wants no proof.
    #[must_use]
    pub fn local_operator() -> Self {
        Self {
            subject: "local".into(),
            name: "".into(),
            kind: Kind::Service,
            roles: Roles::all(),
            scope: Scope::everything(),
            proof: Proof::None,
            expires_at: None,
        }
    }

    /// Whether it was proved.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.proof != Proof::None
    }

    /// Whether its proof has ended.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|end| end <= SystemTime::now())
    }

    /// Whether two identities have the same rights: a stream that one has begun may continue for
    /// the other.
    #[must_use]
    pub fn has_rights_of(&self, other: &Self) -> bool {
        self.subject == other.subject && self.roles == other.roles && self.scope == other.scope
    }
}

impl From<&Identity> for proto::Identity {
    fn from(identity: &Identity) -> Self {
        let kind = match identity.kind {
            Kind::Person => proto::IdentityKind::Person,
            Kind::Service => proto::IdentityKind::Service,
        };
        let proof = match identity.proof {
            Proof::None => proto::Proof::None,
            Proof::TokenFile => proto::Proof::TokenFile,
            Proof::Jwt => proto::Proof::Jwt,
            Proof::ClientCertificate => proto::Proof::ClientCertificate,
        };
        let names = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
        Self {
            subject: identity.subject.to_string(),
            display_name: identity.name.to_string(),
            kind: kind.into(),
            roles: identity.roles.iter().map(Into::into).collect(),
            customers: names(identity.scope.customers()),
            teams: names(identity.scope.teams()),
            proof: proof.into(),
            expires_at: identity.expires_at.map(Into::into),
        }
    }
}
