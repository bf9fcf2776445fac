//! The gRPC surface of Aftercall, generated from the `.proto` files of this crate.
//!
//! Promise: messages, clients and servers are all generated, and nothing of the servers' inside
//! appears here. The `.proto` files carry the documentation that other languages read too. Only the
//! codec, which bounds what a request may hold and cleans its texts, and [`Ready`](ready::Ready),
//! an answer that is encoded before it is served, are written by hand.

pub mod attributed;
pub mod codec;
mod pasted;
pub mod ready;
pub mod rules;

/// Roles, the rule of each RPC, and what each server knows of its caller.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod access {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("aftercall.access.v1");
    }
}

/// Workflows, calls and follow-ups: what the workflow-server serves.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod workflow {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("aftercall.workflow.v1");
    }
}

/// The stream of alerts: what the alerter-server serves.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod alert {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("aftercall.alert.v1");
    }
}

/// The private road from the workflow-server to its alerters.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod feed {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("aftercall.feed.v1");
    }
}

/// The encoded descriptor set of all packages, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
