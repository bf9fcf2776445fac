//! Several workflow-servers on one store: one leads, the others follow, pass requests on, and take
//! over. Most tests use a store in memory, from which they can cut a member off.

mod clients;
mod crew;
mod forwarding;
mod identities;
mod network;
mod postgres;
mod takeovers;
