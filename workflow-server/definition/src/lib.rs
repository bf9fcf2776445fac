//! Definitions of workflows: their model, expressions, texts, calendars and times, their
//! validation, and the numbers of their stages.
//!
//! Promises: everything here is pure. The same definition always has the same errors and warnings.
//!
//! Must not: do I/O, read a clock, make random ids, or know of instances, files, gRPC or a store.
//! `clippy.toml` beside this crate forbids the usual functions for this.

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
