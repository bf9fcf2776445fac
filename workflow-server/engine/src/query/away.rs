//! Which absences count: for a follow-up, and for who looks at them.

use crate::away::Away;
use crate::instance::Instance;
use crate::reach::Reach;
use crate::world::Root;

/// Whether an absence counts for an instance. What somebody sets for another person counts within
/// the scope of who set it. What people set for themselves counts for all of their work.
#[must_use]
pub fn is_away_for(root: &Root, away: &Away, instance: &Instance) -> bool {
    away.is_own() || Reach::new(&away.scope).can_see(root, instance)
}

/// Whether a caller of this name may see and change an absence: it is the caller's own, or something
/// can be in the scopes of both.
#[must_use]
pub fn can_see_away(reach: &Reach, name: &str, away: &Away) -> bool {
    *away.person == *name || reach.overlaps(&away.scope)
}
