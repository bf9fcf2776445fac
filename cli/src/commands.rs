//! The commands that ask a server, one family a file.
//!
//! Promise: each file holds its options, its requests and how its answers are shown. Must not:
//! share state; what they have in common is in the modules beside this one.

pub(crate) mod ack;
pub(crate) mod batch;
pub(crate) mod calendar;
pub(crate) mod call;
pub(crate) mod caller;
pub(crate) mod calls;
pub(crate) mod claim;
pub(crate) mod completions;
pub(crate) mod desk;
pub(crate) mod erase;
pub(crate) mod finish;
pub(crate) mod history;
pub(crate) mod instance;
pub(crate) mod instance_filter;
pub(crate) mod instance_page;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod names;
pub(crate) mod notes;
pub(crate) mod push;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod set_workflow;
pub(crate) mod stages;
pub(crate) mod stuck;
pub(crate) mod team;
pub(crate) mod wallboard;
pub(crate) mod watch;
pub(crate) mod workflow;
pub(crate) mod workflow_building;
pub(crate) mod workflow_files;
pub(crate) mod workflow_page;
pub(crate) mod workflow_pictures;
pub(crate) mod workflow_publishing;
pub(crate) mod workflow_retention;
pub(crate) mod workflow_trying;
pub(crate) mod workflow_writing;
