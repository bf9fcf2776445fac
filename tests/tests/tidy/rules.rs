//! Who may not use whom, and who alone may name what.

/// What the crates without I/O, clocks and random numbers do not name.
const PURE: &[&str] = &[
    "tokio",
    "tonic",
    "sled",
    "rand::",
    "SystemTime",
    "Instant::now",
    "std::fs",
    "workflow_server",
];

/// Who may not use whom: files under the first path do not name the second.
pub(crate) const FORBIDDEN: &[(&str, &[&str])] = &[
    ("workflow-server/definition/", PURE),
    (
        "workflow-server/definition/",
        &["saphyr", "serde_json", "catch_unwind"],
    ),
    ("workflow-server/engine/", PURE),
    (
        "workflow-server/engine/",
        &["saphyr", "serde_json", "catch_unwind"],
    ),
    ("workflow-server/authoring/", PURE),
    (
        "workflow-server/src/journal/",
        &[
            "crate::records",
            "crate::ledger",
            "crate::service",
            "aftercall_engine",
            "aftercall_definition",
            "aftercall_authoring",
            "tonic",
        ],
    ),
    (
        "workflow-server/src/records/",
        &[
            "crate::ledger",
            "crate::service",
            "crate::journal",
            "aftercall_proto",
            "tonic",
        ],
    ),
    (
        "workflow-server/src/ledger/",
        &["crate::service", "aftercall_proto", "tonic::"],
    ),
    // A reader cannot write: a process that does not lead reads, too.
    (
        "workflow-server/src/ledger/read/",
        &[
            "ledger::write",
            "ledger::upkeep",
            "ledger::leadership",
            "Leading",
        ],
    ),
    (
        "workflow-server/src/ledger/write/",
        &["ledger::upkeep", "ledger::leadership"],
    ),
    (
        "workflow-server/src/ledger/upkeep/",
        &["ledger::leadership"],
    ),
    ("workflow-server/src/service/", &["crate::server", "sled::"]),
    // By its full name alone, so that the rule of who may name it sees it.
    (
        "workflow-server/src/",
        &["tonic::{Request", "use tonic::Request"],
    ),
    (
        "alerter-server/src/",
        &[
            "workflow_server::",
            "aftercall_engine",
            "aftercall_definition",
            "aftercall_authoring",
            "sled::",
            "tonic::{Request",
            "use tonic::Request",
        ],
    ),
    (
        "call-manager/src/",
        &[
            "workflow_server::",
            "alerter_server::",
            "aftercall_identity",
            "aftercall_engine",
            "aftercall_definition",
            "aftercall_authoring",
        ],
    ),
    // The descriptors of both servers are served by reflection; no message is known here.
    (
        "serving/src/",
        &[
            "workflow_server",
            "alerter_server",
            "aftercall_engine",
            "aftercall_definition",
            "aftercall_authoring",
            "aftercall_proto::alert",
            "aftercall_proto::workflow",
        ],
    ),
    (
        "cli/src/commands/",
        &[
            "workflow_server",
            "alerter_server",
            "aftercall_engine",
            "aftercall_definition",
            "aftercall_authoring",
        ],
    ),
    (
        "proto/",
        &[
            "aftercall_engine",
            "aftercall_definition",
            "aftercall_authoring",
            "workflow_server",
            "alerter_server",
        ],
    ),
];

/// Who alone may name what.
pub(crate) const ALONE: &[(&str, &[&str])] = &[
    ("sled::", &["workflow-server/src/journal/"]),
    ("sled::Db", &["workflow-server/src/journal/sled/"]),
    ("sled::open", &["workflow-server/src/journal/sled/"]),
    // A request is taken apart in one place, which decides who sent it.
    ("request.into_inner()", &["serving/src/asked.rs"]),
    ("request.metadata()", &["serving/src/asked.rs"]),
    (
        "tonic::Request<",
        &[
            "serving/src/asked.rs",
            "workflow-server/src/service/rpcs.rs",
            "alerter-server/src/service.rs",
        ],
    ),
    // Services read the World through a view, which knows what the caller may see.
    (
        "ledger.root()",
        &[
            "workflow-server/src/service/view.rs",
            "workflow-server/src/ledger/",
        ],
    ),
    // A simulation has a World of its own.
    (
        "Names::of_world(",
        &[
            "workflow-server/src/service/view.rs",
            "workflow-server/src/service/authors/simulations.rs",
        ],
    ),
    (
        "Status::new(",
        &[
            "workflow-server/src/service/say/status.rs",
            "alerter-server/src/service/status.rs",
        ],
    ),
];
