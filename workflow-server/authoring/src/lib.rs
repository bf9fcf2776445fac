//! For people who write workflows: the file form and its schema, the builder, the comparison of two
//! versions, descriptions and diagrams, and the simulation of a call.
//!
//! Promises: all functions are pure, with text in and text out. Reading any file results in a
//! definition, or in errors with their lines.
//!
//! Must not: do I/O, read a clock, make random ids, know gRPC or a store. `clippy.toml` of this
//! crate forbids the usual ways to do so.

pub mod builder;
pub mod describe;
pub mod diff;
pub mod file;
pub mod graph;
pub mod limits;
pub mod simulate;
