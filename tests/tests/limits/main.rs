//! What a real server does at its limits: what it counts, which work it refuses first, what becomes of
//! a request whose time is over, and how clients change from a connection that has reached its age.

mod age;
mod beyond;
mod counted;
mod deadline;
mod disk;
mod docs;
mod overload;
mod server;
