//! Who a caller is, and what it may see and do.
//!
//! Promise: an [`Identity`] comes only from a proof that was checked: a token of the token file, a
//! JWT of a trusted issuer, or a client certificate. Without any of them there is the local operator. Must not: know
//! requests, services or connections.

mod access_file;
mod acts;
mod certificate;
mod denied;
mod https;
mod identity;
mod jwt;
mod member_key;
mod own_token;
mod roles;
mod secret;
pub mod token_file;
mod verifier;
mod watched;

pub use aftercall_scope::Scope;

pub use access_file::{AccessFile, CertificateRule, Claims, Issuer};
pub use acts::{Act, Forbidden};
pub use denied::{Denied, DeniedProof, Holder};
pub use https::{check_issuer_address, issuer_client};
pub use identity::{Identity, Kind, Proof};
pub use jwt::id_token_claims;
pub use member_key::{MemberKey, PassedOn};
pub use own_token::OwnToken;
pub use roles::Roles;
pub use secret::Secret;
pub use token_file::Tokens;
pub use verifier::{Presented, ProofSettings, SetUpError, Verifier};
pub use watched::FileError;
