//! Workflow definitions: the model, the file that authors write, the faults that keep one from
//! being published, and how events, ids and stage numbers come about by themselves.
//!
//! Must not know of instances or of the World.

pub mod expression;
pub mod facts;
pub mod model;
pub mod source;
pub mod template;

pub mod fault;
pub mod rules;
pub mod validate;

pub mod numbering;

pub mod file;

pub mod describe;

pub mod builder;
pub mod consequences;
pub mod counterparts;
pub mod diff;
pub mod graph;

pub mod escalation;

pub use fault::{Fault, FaultCode};
pub use model::{Action, ActionKind, Definition, Event, EventKind, Stage};
