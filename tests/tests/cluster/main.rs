//! Several workflow-servers on one store: one leads, the others follow, pass requests on, and take
//! over. The store is in memory, so that the tests can cut a member off from it.

mod clients;
mod crew;
mod forwarding;
mod identities;
mod takeovers;
