//! Requests, over real gRPC: what is refused, with every invalid field named, and what clients of every
//! language expect.

mod bad_input;
mod faults;
mod malformed;
mod manners;
