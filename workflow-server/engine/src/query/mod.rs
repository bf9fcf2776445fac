//! Questions that are answered from a root: lists and counts, in a fixed order, page by page.
//!
//! Must not change anything, and must not read a clock: the time by which overdue is told comes in.

mod archivable;
mod due;
mod follow_ups;
mod held;
mod instances;
mod stuck;
mod waiting;

pub use archivable::{Archivable, archivable, newest_of_call};
pub use due::{DueState, due_soon_from, due_state};
pub use follow_ups::{FollowUpCursor, FollowUpPage, FollowUpRow, list_follow_ups, most_urgent_unclaimed};
pub use held::held_by;
pub use instances::{Group, GroupBy, InstanceFilter, InstancePage, count_instances, instances_of, list_instances};
pub use stuck::{OverdueTimer, Stuck, StuckReason, overdue_timers, stuck};
pub use waiting::{buttons, has_button, is_waiting};
