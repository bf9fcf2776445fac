//! What people need who write workflows: the file form and its schema, the builder, the comparison
//! of two versions, descriptions and diagrams, and the simulation of a call.
//!
//! Promises: everything here is pure, text in and text out. Reading any file ends
//! in a definition or in errors with their lines.
//!
//! Must not: do I/O, read a clock, make random ids, know of gRPC or of a store. `clippy.toml`
//! beside this crate forbids the usual ways of doing so.

pub mod builder;
pub mod describe;
pub mod diff;
pub mod file;
pub mod graph;
pub mod limits;
pub mod simulate;
