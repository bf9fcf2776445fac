//! The Call Manager as a web page: the follow-ups that wait, live, and all that can be done with
//! them.
//!
//! The page is a gRPC client of both servers. It acts as the person who uses it, with that person's
//! token, so the servers decide what is seen and done. It has no other API, and keeps nothing but
//! sessions.
//!
//! Must not: decide what a person may do, or know the engine.

pub mod config;
mod server;

mod actions;
mod asked;
mod assets;
mod board;
mod callers;
mod country;
mod events;
mod fields;
mod follow_up;
mod form;
mod frame;
mod instances;
mod kept_forms;
mod layout;
mod look;
mod looking;
mod pages;
mod people;
mod phone;
mod provider;
mod refusal;
mod renewal;
mod rows;
mod sealed;
mod selection;
mod sentence;
mod servers;
mod session;
mod shared;
mod shares;
mod shown;
mod sign_in;
mod single_sign_on;
mod snoozed;
mod team;
mod trouble;
mod views;
mod visit;
mod wall;
mod wallboard;
mod words;
mod workflows;

pub use server::{Server, ServerError};
