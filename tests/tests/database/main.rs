//! Stores in a database as operators set it up: TLS, passwords, client certificates, and moves of a
//! store.

mod encryption;
mod guarded;
mod moves;
mod passwords;
mod waiting;
