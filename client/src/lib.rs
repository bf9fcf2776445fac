//! Follows an Aftercall alerter-server.
//!
//! [`Subscription`] is a stream of alerts that never ends: it keeps the token, reconnects
//! automatically, and resumes after the last frame that was handled. [`LiveList`] builds the
//! present list of follow-ups from its frames, and returns typed changes.
//!
//! ```no_run
//! use aftercall_client::{Event, LiveList, Subscription};
//!
//! # async fn follow() -> Result<(), aftercall_client::Error> {
//! let mut subscription = Subscription::to("http://127.0.0.1:7402")?;
//! let mut list = LiveList::default();
//! loop {
//!     let event = subscription.next().await?;
//!     if let Event::Lost { reason, wait } = &event {
//!         eprintln!("{reason}; again in {wait:?}");
//!     }
//!     for change in list.take(&event) {
//!         println!("{change:?}");
//!     }
//! }
//! # }
//! ```

mod address;
mod error;
mod list;
mod place;
mod subscription;
mod wait;
mod wallboard;

pub use address::endpoint;
pub use aftercall_proto as proto;
pub use error::Error;
pub use list::{Change, LiveList};
pub use subscription::{Event, Subscription};
pub use wallboard::{BoardEvent, Wallboards};
