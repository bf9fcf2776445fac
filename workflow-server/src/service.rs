//! The gRPC services: proto comes in, is checked and becomes a command or a query; what comes out
//! becomes proto again.
//!
//! Each RPC is a function from [`Asked`](aftercall_serving::asked::Asked) to its answer: check the
//! request, make a command or a query, answer. Each service has a file with its trait, which
//! `rpcs.rs` makes of these functions, and a folder with what is below. `ask/` reads requests and
//! carries out changes; `say/` makes answers and refusals. Proto types stop here. A status is made
//! in `say/status.rs` and nowhere else.

mod authors;
mod desk;
mod feed;
mod operations;
mod script;

mod acts;
mod archived;
mod ask;
mod rpcs;
mod saved_views;
mod say;
mod shared;
mod staff;
mod tables;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use say::{unavailable_answer, unavailable_trailers};

pub use authors::Definitions;
pub use desk::CallManager;
pub use feed::ChangeFeed;
pub use operations::Operations;
pub use saved_views::SavedViews;
pub use script::ScriptEngine;
pub use shared::{DeskSettings, Services};
pub use staff::Staff;
pub(crate) use tables::keep_tables;
