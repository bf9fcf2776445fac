//! Follows an Aftercall alerter-server.
//!
//! [`Subscription`] is a stream of alerts that never ends: it keeps the token, reconnects
//! automatically, and resumes after the last frame that was handled. [`LiveList`] builds the
//! present list of follow-ups from its frames, and returns typed changes.
//!
//! A [`Connector`] is the way to a server, or to several that serve the same: TLS, a client certificate, and a [`TokenSource`] whose
//! tokens prove who is asking. A stream whose token ends gets a fresh one and resumes without a gap,
//! and a [`Connection`] repeats a request whose token has expired with a fresh one.
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
mod connection;
mod connector;
mod dial;
mod error;
mod line;
mod pinned;
mod plain;
mod pool;
mod proof;
mod repeat;
mod replay;
mod route;
mod tls;
mod token;
mod whole;

mod list;
mod place;
mod renewal;
mod subscription;
mod wait;
mod wallboard;

pub use aftercall_proto as proto;
pub use connection::Connection;
pub use connector::Connector;
pub use dial::{Protocol, Stream};
pub use error::Error;
pub use list::{Change, LiveList};
pub use repeat::is_repeatable;
pub use replay::Replay;
pub use subscription::{Event, Subscription};
pub use token::{Token, TokenError, TokenFile, TokenFn, TokenFuture, TokenSource};
pub use wallboard::{BoardEvent, Wallboards};
