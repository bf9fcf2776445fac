//! The life of a member of a cluster: several processes on one store, of which one leads.
//!
//! A member follows the log. If no lease is running, it campaigns. As the leader it renews its
//! lease every second, and answers only while the lease is certain ([`gate`]). Once another member
//! leads, it follows again, in the same process. Requests that reach a member that does not lead are
//! passed on to the leader ([`forward`]).
//!
//! Promise: an answer of a leader leaves only while no other process can lead. Must not: decide what
//! a request does. A server that alone uses its store has none of this.

mod candidate;
mod farewell;
mod figures;
mod forward;
mod gate;
mod guarded;
mod member;
mod observer;
mod present;
mod renewal;
mod secret;
mod switch;
mod way;

pub(crate) mod standing;

#[cfg(test)]
mod tests;

pub(crate) use forward::Forwarder;
pub(crate) use member::{Cluster, MadeRole, MemberError, Parts, RoleParts};
pub(crate) use switch::Switch;
pub(crate) use way::MemberTls;
