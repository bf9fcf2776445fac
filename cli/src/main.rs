//! `aftercall`: both servers in one process, the demo, and a gRPC client for everything else.
//!
//! Promise: what was asked for goes to stdout, everything else to stderr, and the exit code says
//! how it went. Must not: do anything that another gRPC client could not do, but for `up` and
//! `demo`.

mod authoring;
mod backup;
mod candidates;
mod cli;
mod commands;
mod confirm;
mod connect;
mod contexts;
mod credentials;
mod demo;
mod errors;
mod json;
mod load;
mod login;
mod output;
mod programs;
mod samples;
mod screen;
mod sensitive;
mod serve;
mod servers;
mod session;
mod store;
mod subscription;
mod table;
mod time;
mod up;
mod user;
mod values;
mod wording;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use clap_complete::CompleteEnv;

use crate::cli::Cli;
use crate::errors::{Exit, Failure};
use crate::session::Named;

// Requests are made on tokio's threads and freed on the ledger's and the writer's: the system's
// allocator takes a lock for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: for a shell that completes, this program only says what could come
    // next.
    CompleteEnv::with_factory(|| candidates::offered(cli::command_line())).complete();
    match aftercall_serving::block_on(run()) {
        Ok(exit) => exit,
        Err(error) => {
            output::remark(&format!(
                "The threads of this program cannot be started: {error}."
            ));
            Exit::Unavailable.into()
        }
    }
}

async fn run() -> ExitCode {
    authoring::pictures::hush();
    let is_json = cli::is_json(std::env::args_os().skip(1));
    let matches = match cli::command_line().try_get_matches() {
        Ok(matches) => matches,
        Err(error) if is_json && error.use_stderr() => {
            return report(&Failure::usage(error.to_string().trim_end()), true);
        }
        Err(error) => error.exit(),
    };
    let named = Named {
        server: is_named(&matches, "server"),
        alerter: is_named(&matches, "alerter"),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let flags: Vec<&str> = credentials::OPTIONS
        .into_iter()
        .filter(|option| is_named(&matches, option))
        .collect();
    match Box::pin(cli.run(named, &flags)).await {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => report(&failure, is_json),
    }
}

/// Whether the command line has a global option, before the command or after it.
fn is_named(matches: &ArgMatches, option: &str) -> bool {
    matches.value_source(option) == Some(ValueSource::CommandLine)
        || matches
            .subcommand()
            .is_some_and(|(_, command)| is_named(command, option))
}

/// Says why a command failed: a sentence, or for programs one line of JSON, which is the last one
/// on stderr.
fn report(failure: &Failure, is_json: bool) -> ExitCode {
    if is_json && failure.exit() != Exit::Ok {
        output::remark(&failure.json().to_string());
    } else if !failure.sentence().is_empty() {
        output::remark(failure.sentence());
    }
    failure.exit().into()
}
