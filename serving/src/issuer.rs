//! What a server needs that signs people in at an issuer of JWTs: the ways to the issuer, and the check
//! of what it answers. Must not: say who a caller is.

pub use aftercall_identity::{check_issuer_address, id_token_claims, issuer_client};
