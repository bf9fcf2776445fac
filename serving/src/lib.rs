//! What both servers do the same way: configuration in layers, logs, probes and metrics, and serving gRPC within limits,
//! with a drain that ends.
//!
//! Must not know what a server serves: routes come in.

mod backlog;
pub mod config;
pub mod logs;
mod probes;
mod readiness;
mod serve;

pub use probes::metrics_handle;
pub use readiness::Readiness;
pub use serve::{Limits, ServeError, base_routes, open_listener, serve, shutdown_token};
