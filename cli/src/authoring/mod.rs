//! What authors do with files alone, without a server: reading calendars.
//!
//! Promise: a file is judged by the same code as in the server. Must not: ask a server.

pub(crate) mod calendars;
