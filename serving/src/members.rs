//! Requests that another member of a cluster passes on, with the identity that it has verified.
//!
//! Promise: the header counts only if a member has made it. A server that is no member ignores it.

use std::sync::Arc;
use std::time::SystemTime;

use aftercall_identity::{Denied, DeniedProof, MemberKey, PassedOn};
use axum::http::{HeaderMap, HeaderName};
use tokio::sync::watch;

/// The header with the token of a member.
pub const MEMBER_HEADER: HeaderName = HeaderName::from_static("aftercall-member");

/// The key of the cluster, once this member knows it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct MemberKeys(Arc<watch::Sender<Option<Arc<MemberKey>>>>);

impl MemberKeys {
    /// Uses this key from now on.
    pub fn set(&self, key: MemberKey) {
        self.0.send_replace(Some(Arc::new(key)));
    }

    /// The key. `None` until this member has read it.
    #[must_use]
    pub fn get(&self) -> Option<Arc<MemberKey>> {
        self.0.borrow().clone()
    }

    /// The key, once this member has read it.
    pub async fn known(&self) -> Option<Arc<MemberKey>> {
        let mut keys = self.0.subscribe();
        // The sender exists as long as `self`.
        let known = keys.wait_for(Option::is_some).await.ok()?;
        known.clone()
    }

    /// What a member says of this request. `None` if no member has passed it on.
    ///
    /// # Errors
    /// [`Denied::Invalid`], [`Denied::Expired`], and [`Denied::NoKeys`] while the key is unknown.
    pub(crate) fn passed_on(&self, headers: &HeaderMap) -> Result<Option<PassedOn>, DeniedProof> {
        let Some(token) = headers.get(MEMBER_HEADER) else {
            return Ok(None);
        };
        let key = self.get().ok_or(Denied::NoKeys)?;
        let text = token.to_str().unwrap_or_default();
        key.verify(text, SystemTime::now()).map(Some)
    }
}
