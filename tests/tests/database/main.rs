//! Stores in a database as operators set it up: TLS, passwords, client certificates, and moves of a
//! store.

mod durability;
mod encryption;
mod erasing;
mod faults;
mod guarded;
mod moves;
mod passwords;
mod scene;
mod upgrades;
mod waiting;
