//! The token of a part of the same process.
//!
//! Promise: its secret is never written anywhere, and it ends with the process.

use std::sync::Arc;

use aftercall_proto::access::v1::Role;
use aftercall_scope::Scope;

use crate::identity::{Identity, Kind, Proof};
use crate::roles::Roles;
use crate::secret::{NoRandomBytes, Secret};

/// A token for another server of this process, which needs no token file for it.
#[derive(Clone, Debug)]
pub struct OwnToken {
    secret: Secret,
    identity: Arc<Identity>,
}

impl OwnToken {
    /// A new token for a program with one role and without a scope.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate(name: &str, role: Role) -> Result<Self, NoRandomBytes> {
        Ok(Self {
            secret: Secret::generate()?,
            identity: Arc::new(Identity {
                subject: name.into(),
                name: name.into(),
                kind: Kind::Service,
                roles: Roles::from_iter([role]),
                scope: Scope::everything(),
                proof: Proof::TokenFile,
                expires_at: None,
            }),
        })
    }

    /// The token itself, for the part of the process that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.secret.reveal()
    }

    /// Its holder, if this is the token.
    pub(crate) fn verify(&self, token: &Secret) -> Option<Arc<Identity>> {
        token
            .matches(&self.secret.hash())
            .then(|| Arc::clone(&self.identity))
    }
}
