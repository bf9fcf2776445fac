//! What a request carries to prevent mistakes: the revision that its sender saw, and a request id.

/// The revision that the sender saw. If the present one differs, the command is refused. `None` if
/// the sender does not send it.
pub type ExpectedRevision = Option<u64>;

/// The mark of a request with a request id. It consists of keyed hashes, which the server makes
/// before the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMark {
    /// Hash of the caller's identity, the RPC and the request id.
    pub key: u128,
    /// Hash of the request's content.
    pub fingerprint: u64,
}
