//! Connecting to a server with TLS and tokens, against a server in this process.

mod certificates;
mod renewals;
mod server;
mod several;
mod sharing;
mod tls;
mod tokens;
