//! The commands. Those that ask a server are in the folder beside this file, one family a file.
//!
//! Promise: each file has its commands with their options, their requests and how their answers are
//! shown. Must not: share state. What they have in common is in the modules beside this one.

/// A family of commands, each with its help and the options that run it. A family is an enum, which
/// runs the chosen command.
macro_rules! commands {
    ($family:ident: $($(#[$help:meta])+ $command:ident($options:ty)),+ $(,)?) => {
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum $family {
            $($(#[$help])+ $command($options)),+
        }

        impl $family {
            /// Runs the command.
            pub(crate) async fn run(
                self,
                session: &$crate::session::Session,
            ) -> Result<(), $crate::errors::Failure> {
                match self {
                    $(Self::$command(command) => Box::pin(command.run(session)).await),+
                }
            }
        }
    };
}

pub(crate) mod ack;
pub(crate) mod away;
pub(crate) mod batch;
pub(crate) mod calendar;
pub(crate) mod call;
pub(crate) mod caller;
pub(crate) mod calls;
pub(crate) mod certificate;
pub(crate) mod claim;
pub(crate) mod completions;
pub(crate) mod context;
pub(crate) mod desk;
pub(crate) mod erase;
pub(crate) mod finish;
pub(crate) mod history;
pub(crate) mod instance;
pub(crate) mod instance_filter;
pub(crate) mod instance_page;
pub(crate) mod login;
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
pub(crate) mod token;
pub(crate) mod view;
pub(crate) mod wallboard;
pub(crate) mod watch;
pub(crate) mod whoami;
pub(crate) mod workflow;
pub(crate) mod workflow_building;
pub(crate) mod workflow_files;
pub(crate) mod workflow_page;
pub(crate) mod workflow_pictures;
pub(crate) mod workflow_publishing;
pub(crate) mod workflow_retention;
pub(crate) mod workflow_trying;
pub(crate) mod workflow_writing;

use crate::{backup, demo, load, serve, store, up};

commands! {
    Command:
    /// Run both servers in this process
    Up(up::Up),
    /// Run one of the servers, with all its settings
    #[command(subcommand)]
    Serve(serve::Serve),
    /// Run both servers with sample calls and watch what happens
    Demo(demo::Demo),
    /// Write, check and publish workflows
    #[command(subcommand)]
    Workflow(workflow::Workflow),
    /// Declare the teams that alerts are for
    #[command(subcommand)]
    Team(team::Team),
    /// Declare when people work, and show it
    #[command(subcommand)]
    Calendar(calendar::Calendar),
    /// Set a workflow on a call, as a call script does
    SetWorkflow(set_workflow::SetWorkflow),
    /// Show a call, report its end, or set whether it is chargeable
    #[command(subcommand)]
    Call(call::Call),
    /// List the follow-ups that wait for somebody, most urgent first
    Calls(calls::Calls),
    /// Save filters of follow-ups under a name, and count what they select
    #[command(subcommand)]
    View(view::View),
    /// Show and set who is away, and who gets new work instead
    #[command(subcommand)]
    Away(away::Away),
    /// Push a button of a follow-up
    Push(push::Push),
    /// Acknowledge an alert: show others that you have seen it
    Ack(ack::Ack),
    #[command(flatten)]
    Claims(claim::Claims),
    #[command(flatten)]
    Desk(desk::Desk),
    #[command(flatten)]
    Callers(caller::Callers),
    /// Erase a caller everywhere
    #[command(subcommand)]
    Erase(erase::Erase),
    /// Write a note on a follow-up
    Note(notes::Note),
    /// Show and manage instances, also hidden and ended ones
    #[command(subcommand)]
    Instance(instance::Instance),
    /// Do one thing to many instances, as a durable job
    #[command(subcommand)]
    Batch(batch::Batch),
    /// Show what happened to an instance or on a call
    History(history::History),
    /// Stream follow-ups as they change; reconnects automatically
    Watch(watch::Watch),
    /// Count what waits, by workflow, stage, team and priority
    Wallboard(wallboard::Wallboard),
    /// Report on a period: volumes, times, overdue, promises, outcomes
    Report(report::Report),
    /// Name servers, and how you prove to them who you are
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Get a token from an issuer that the servers trust, for a context
    #[command(name = "login")]
    LogIn(login::LogIn),
    /// End the login of a context
    #[command(name = "logout")]
    LogOut(login::LogOut),
    /// Show the server's status and take operational decisions
    #[command(subcommand)]
    Server(server::Server),
    /// Show who you are for the workflow-server, and what you may do there
    #[command(name = "whoami")]
    WhoAmI(whoami::WhoAmI),
    /// Make, list and revoke the tokens that the servers accept
    #[command(subcommand)]
    Token(token::Token),
    /// Copy the running server's data into a directory of backups
    Backup(backup::Backup),
    /// Create a data directory from a backup
    Restore(backup::Restore),
    /// Check that a backup, or the data directory of a stopped server, is whole
    Verify(backup::Verify),
    /// Maintain a data directory while no server runs on it
    #[command(subcommand)]
    Store(store::Store),
    /// Create certificates to try TLS with
    #[command(subcommand)]
    Certificate(certificate::Certificate),
    /// Measure set-workflow and push against a no-op of the same server
    Load(load::Load),
}
