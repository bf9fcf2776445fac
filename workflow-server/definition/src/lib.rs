//! What a workflow is: its model, expressions and texts, calendars and times, what makes a
//! definition valid, and how its stages get their numbers.
//!
//! Promises: everything here is pure. The same definition always has the same errors and warnings.
//!
//! Must not: do I/O, read a clock, make random ids, know of instances, of files, of gRPC or of a
//! store. `clippy.toml` beside this crate forbids the usual ways of doing so.

pub mod calendar;
pub mod consequences;
pub mod counterparts;
pub mod escalation;
pub mod expression;
pub mod facts;
pub mod fault;
pub mod limits;
pub mod model;
pub mod numbering;
pub mod rules;
pub mod source;
pub mod template;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod validate;
pub mod value;

pub use aftercall_text::FieldError;
pub use fault::{Fault, FaultCode};
pub use model::{Action, ActionKind, Definition, Event, EventKind, Stage};
