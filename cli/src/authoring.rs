//! What authors do with files alone, without a server: reading, formatting, drawing, comparing,
//! trying out and testing them.
//!
//! Promise: a file is judged by the same code as in the server. Must not: ask a server.

pub(crate) mod calendars;
pub(crate) mod files;
pub(crate) mod kinds;
pub(crate) mod pictures;
pub(crate) mod reading;
pub(crate) mod schema;
pub(crate) mod sources;
pub(crate) mod teams;
pub(crate) mod testing;
pub(crate) mod trying;

pub(crate) use aftercall_definition::rules::nearest;
