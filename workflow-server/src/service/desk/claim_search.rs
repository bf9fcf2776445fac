//! Looks for what `ClaimNext` may give, off the ledger's thread.
//!
//! The result is kept for each filter and brought up to the newest view by what changed since.
//! Sixty people who ask for the same list every second cost one walk, then a look at a few changed
//! follow-ups each. Only one search runs for a filter at a time: the others wait for its result.

use std::hash::Hash as _;
use std::time::Instant;

use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::InstanceId;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::limits::SEARCH_KEPT_FOR;
use crate::reading::Lane;
use crate::service::desk::searches::Kept;
use crate::service::say::Refusal;
use crate::service::shared::{Shared, rows_at_once};

/// The most urgent follow-ups that a person may take; none where there are none.
pub(crate) async fn candidates(
    shared: &Shared,
    filter: &FollowUpFilter,
) -> Result<Vec<InstanceId>, Refusal> {
    let mut hasher = SipHasher13::new_with_key(&shared.hash_key);
    filter.hash(&mut hasher);
    let slot = shared.searches.slot(hasher.finish128().as_u128());
    let mut kept = slot.lock().await;
    let (view, now) = (shared.view(), shared.ledger.now());
    let known = kept
        .as_ref()
        .filter(|kept| kept.since.elapsed() < SEARCH_KEPT_FOR);
    if let Some((found, since)) =
        known.and_then(|kept| Some((view.updated(&kept.found, filter, now)?, kept.since)))
    {
        let candidates = found.candidates().to_vec();
        *kept = Some(Kept { found, since });
        return Ok(candidates);
    }
    let since = Instant::now();
    let found = match view.claimable(filter.clone(), now, &rows_at_once()) {
        Ok(found) => found,
        Err(_) => {
            let filter = filter.clone();
            let search = shared.walk(Lane::Desk, view, move |view, should_stop| {
                view.claimable(filter, now, should_stop)
            });
            search.await?
        }
    };
    let candidates = found.candidates().to_vec();
    *kept = Some(Kept { found, since });
    Ok(candidates)
}
