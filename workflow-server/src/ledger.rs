//! The ledger: the one owner of all state.
//!
//! One task takes the commands, one after the other. It decides each on the newest World and applies
//! the decision. It collects the entries of many commands into one group, and makes the group
//! durable in one step. Only then readers see the new World, callers get their answers, and the
//! entries go to the feed. Meanwhile the task decides the next group, and appends it afterwards.
//!
//! Promises:
//!
//! * No answer shows what is not durable.
//! * A refusal waits until everything that it depends on is durable.
//! * A command that was taken is carried out, even if its caller disconnects.
//! * After a failed write nothing more is written. The newest durable World can still be read, and
//!   every waiting caller gets an error.

pub mod clock;
pub mod conditions;

mod error;
mod handle;
mod leadership;
mod options;
mod order;
mod outcome;
mod read;
mod upkeep;
mod urgency;
mod write;

pub use clock::{Clock, ManualClock, SystemClock, Uptime};
pub use conditions::{Condition, Conditions, Health};
pub use error::LedgerError;
pub use handle::Handle;
pub use leadership::Ledger;
pub use options::LedgerOptions;
pub use outcome::Outcome;
pub use read::archive::{Archive, ArchiveKeys, FoundCall, FoundInstance};
pub use read::archive_list::{ArchiveCursor, ArchiveFilter, ArchivePage};
pub use read::archive_retention::ShorterRetention;
pub use read::feed::Feed;
pub use read::follow::Follower;
pub use read::history::History;
pub use read::recover::{RecoverError, Recovered, recover};
pub use read::{archive, archive_list, feed, history};
pub use upkeep::capture;
pub(crate) use upkeep::job_runner;
pub use upkeep::last_seen::LAST_SEEN_KEY;
pub use urgency::Urgency;
