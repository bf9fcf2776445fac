//! The alerter-server: sends stage changes to the connected Call Managers as they happen.
//!
//! Promise: every stream is in order and without a gap, or says `Reset`. It keeps nothing on disk,
//! knows the workflow-server by gRPC only, and serves while the workflow-server is away. Any number
//! may run side by side.

pub mod config;
mod series;
mod server;

mod boards;
mod cache;
mod doubt;
mod field;
mod filter;
mod foresight;
mod hub;
mod limits;
mod link;
mod member;
mod message;
mod parts;
mod position;
mod ring;
mod service;
mod shown;
mod tail;
mod token;
mod trouble;
mod view;
mod views;
mod wallboard;

pub use server::{Server, ServerError};
