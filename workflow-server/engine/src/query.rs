//! Queries on a root: lists and counts, in a fixed order, page by page.
//!
//! A walk over many rows regularly checks whether it must stop. Must not change anything or read a
//! clock: the time that decides what is overdue is an argument.

mod archivable;
mod away;
mod batch_items;
mod claimable;
mod counts;
mod due;
mod erasable;
mod follow_ups;
mod held;
mod instances;
mod open;
mod stuck;
mod team_use;
mod texts;
mod waiting;
mod walk;
mod zone;

pub use archivable::{Archivable, archivable, archivable_from, newest_of_call};
pub use away::{can_see_away, is_away_for};
pub use batch_items::{batch_items, listed_items};
pub use claimable::{Claimable, is_claimable};
pub use counts::{FollowUpCount, count_follow_ups};
pub use due::{DueState, due_soon_from, due_state};
pub(crate) use erasable::erased_call;
pub use erasable::{calls_in_memory, calls_within};
pub use follow_ups::{FollowUpCursor, FollowUpPage, FollowUpRow, list_follow_ups};
pub use held::held_by;
pub use instances::{
    Group, GroupBy, InstanceFilter, InstancePage, count_instances, list_instances, open_by_stage,
};
pub use open::open_instances;
pub use stuck::{OverdueTimer, Stuck, StuckReason, overdue_timers, stuck};
pub use team_use::TeamUse;
pub(crate) use team_use::batches_for;
pub use texts::{fill_in, text_of};
pub(crate) use texts::{forms_shown_on, has_places};
pub use waiting::{buttons, has_button, is_waiting};
pub use walk::{ShouldStop, Stopped, never};
pub use zone::{wall_clock_of, zone_beside_caller, zone_name, zone_of, zone_of_caller};
