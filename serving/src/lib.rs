//! What both servers do the same way: configuration in layers, logs, probes and metrics, and
//! serving gRPC within limits, with a drain that ends.
//!
//! Must not know what a server serves: routes come in.

pub mod asked;
pub mod asker;
pub mod config;
pub mod issuer;
pub mod log_context;
pub mod logs;
mod network;
mod output;
pub mod settings;

mod process;
mod serve;

mod audit;
mod cut;

mod accept;
mod descriptors;
mod listener;
mod places;
mod tls;

mod allowance;
mod budget;
mod caller;
mod connection;
mod deadline;
mod door;
mod frames;
mod last_proof;
mod members;
mod wire;

mod answer;
mod backlog;
mod error;
mod hosts;
mod library;
mod probes;
mod readiness;
mod reflection;
mod refusal;
mod routes;
mod rpc;
mod staying;
mod streams;
mod unread;
mod upload;
mod whoami;

mod limit_settings;
mod limits;
mod listen;
mod seldom;
pub mod series;

pub use aftercall_identity::{OwnToken, ProofSettings};
pub use aftercall_text::FieldError;
pub use audit::{AUDIT_LOG_FILES, AUDIT_LOG_SIZE_MIB, AuditError, AuditPlace, AuditSettings};
pub use deadline::client_timeout;
pub use error::ServeError;
pub use limit_settings::LimitSettings;
pub use limits::{FEED_MESSAGE_BYTES_MAX, Limits};
pub use listen::{deserialize_listen, parse_listen};
pub use listener::{Listener, Protection, open_listener};
pub use members::{MEMBER_HEADER, MemberKeys};
pub use network::NetworkArgs;
pub use probes::metrics_handle;
pub use process::{block_on, run, shutdown_token};
pub use readiness::Readiness;
pub use routes::{Routes, ServiceFuture};
pub use seldom::Seldom;
pub use serve::{base_routes, serve};
pub use tls::{TlsError, TlsSettings};
pub use unread::{is_full_of_unread_answers, unread_bytes_refused};
