//! What a command may carry to be recognised: the revision that was seen, and the request id.

/// The revision that the caller saw; the command is refused where the present one differs. None
/// where the caller does not say.
pub type ExpectedRevision = Option<u64>;

/// Marks a request that may be repeated: keyed hashes, made outside, of who asked what by which id,
/// and of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMark {
    /// Hash of identity, RPC and request id.
    pub key: u128,
    /// Hash of the request's content.
    pub fingerprint: u64,
}
