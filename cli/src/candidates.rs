//! What a shell completes out of the server: workflows, teams, and the ids of follow-ups. The names
//! of contexts are in a file.
//!
//! Promise: a server that does not answer within a second offers nothing, and nothing is printed.
//! Must not: change anything.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use aftercall_proto::workflow::v1::{ListFollowUpsRequest, ListTeamsRequest, ListWorkflowsRequest};
use clap::{Arg, Command};
use clap_complete::engine::ValueCompleter as _;
use clap_complete::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter};

use crate::commands::workflow_files::is_file;
use crate::connect::{Connections, read_mask};
use crate::contexts::{Contexts, Given};
use crate::credentials::Credentials;
use crate::errors::Failure;
use crate::wording;

/// Nobody waits longer for a list behind the tabulator key.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many are offered: more than a screen shows, fewer than a page has.
const OFFERED: u32 = 100;

/// The command with what the server knows behind every option and argument that names it: by the
/// name of its value.
pub(crate) fn offered(command: Command) -> Command {
    command.mut_args(offered_for).mut_subcommands(offered)
}

fn offered_for(arg: Arg) -> Arg {
    let names: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    match names.first().map(String::as_str) {
        Some("WORKFLOW") => arg.add(ArgValueCandidates::new(workflows)),
        Some("TEAM") => arg.add(ArgValueCandidates::new(teams)),
        Some("CONTEXT") => arg.add(ArgValueCandidates::new(contexts)),
        Some("ID") => arg.add(ArgValueCandidates::new(follow_ups)),
        Some("NAME|FILE" | "NAME|FILE|DIR") => arg.add(ArgValueCompleter::new(workflows_or_files)),
        _ => arg,
    }
}

/// The contexts of the user, of which no server knows.
fn contexts() -> Vec<CompletionCandidate> {
    let contexts = Contexts::read().unwrap_or_default().contexts.into_iter();
    contexts
        .map(|(name, context)| candidate(name, context.server.unwrap_or_default()))
        .collect()
}

fn workflows() -> Vec<CompletionCandidate> {
    ask(async |to| {
        let request = ListWorkflowsRequest {
            page_size: OFFERED,
            ..Default::default()
        };
        let page = to
            .definitions()
            .await?
            .list_workflows(request)
            .await?
            .into_inner();
        Ok(page
            .workflows
            .into_iter()
            .map(|one| candidate(one.name, one.title))
            .collect())
    })
}

fn teams() -> Vec<CompletionCandidate> {
    ask(async |to| {
        let page = to
            .definitions()
            .await?
            .list_teams(ListTeamsRequest {})
            .await?
            .into_inner();
        Ok(page
            .teams
            .into_iter()
            .map(|one| candidate(one.name, one.title))
            .collect())
    })
}

/// The most urgent open follow-ups.
fn follow_ups() -> Vec<CompletionCandidate> {
    ask(async |to| {
        let request = ListFollowUpsRequest {
            page_size: OFFERED,
            read_mask: Some(read_mask(&[
                "workflow",
                "stage",
                "last_stage",
                "call.customer",
            ])),
            ..Default::default()
        };
        let page = to
            .calls()
            .await?
            .list_follow_ups(request)
            .await?
            .into_inner();
        let follow_ups = page.rows.into_iter().filter_map(|row| row.follow_up);
        let said = |one: aftercall_proto::workflow::v1::FollowUp| {
            let customer = one
                .call
                .as_ref()
                .map(|call| call.customer.clone())
                .unwrap_or_default();
            let help = format!("{} {} {customer}", one.workflow, wording::stage_of(&one));
            candidate(one.instance_id, help)
        };
        Ok(follow_ups.map(said).collect())
    })
}

fn workflows_or_files(current: &OsStr) -> Vec<CompletionCandidate> {
    let written = current.to_string_lossy();
    let mut all = PathCompleter::any().complete(current);
    if !is_file(&written) {
        let names = workflows().into_iter();
        all.extend(names.filter(|one| one.get_value().to_string_lossy().starts_with(&*written)));
    }
    all
}

fn candidate(value: String, help: String) -> CompletionCandidate {
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
}

/// What the server answers, or nothing.
fn ask(
    list: impl AsyncFnOnce(Connections) -> Result<Vec<CompletionCandidate>, Failure>,
) -> Vec<CompletionCandidate> {
    let named = |option: &str, variable: &str| named(std::env::args(), option, variable);
    let file = |option: &str, variable: &str| named(option, variable).map(PathBuf::from);
    let given = Given {
        server: named("--server", "AFTERCALL_SERVER"),
        context: named("--context", "AFTERCALL_CONTEXT"),
        credentials: Credentials {
            ca_file: file("--ca-file", "AFTERCALL_CA_FILE"),
            client_certificate: file("--client-certificate", "AFTERCALL_CLIENT_CERTIFICATE"),
            client_key: file("--client-key", "AFTERCALL_CLIENT_KEY"),
            token_file: file("--token-file", "AFTERCALL_TOKEN_FILE"),
            login_file: None,
            plain_text_token: false,
        },
        ..Given::default()
    };
    let to = given.resolve();
    let answered =
        aftercall_serving::block_on(async { tokio::time::timeout(PATIENCE, list(to)).await });
    answered
        .ok()
        .and_then(Result::ok)
        .and_then(Result::ok)
        .unwrap_or_default()
}

/// The value of an option that the command line has so far, or of its variable.
fn named(args: impl Iterator<Item = String>, option: &str, variable: &str) -> Option<String> {
    let args: Vec<String> = args.collect();
    let next_to = args
        .windows(2)
        .find(|pair| pair[0] == option && !pair[1].is_empty())
        .map(|pair| pair[1].clone());
    let within = || {
        let values = args.iter().filter_map(|arg| arg.strip_prefix(option));
        let mut values = values.filter_map(|rest| rest.strip_prefix('='));
        values.next().map(str::to_owned)
    };
    next_to
        .or_else(within)
        .or_else(|| std::env::var(variable).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completion_uses_the_server_of_the_typed_line() {
        let of = |line: &str| named(line.split(' ').map(str::to_owned), "--server", "NONE");
        let push = "aftercall -- aftercall push";
        assert_eq!(of(&format!("{push} --server h:1 ")).as_deref(), Some("h:1"));
        assert_eq!(
            of(&format!("{push} --server=h:2 x")).as_deref(),
            Some("h:2")
        );
        assert_eq!(of(&format!("{push} --server ")), None);
    }

    #[test]
    fn names_are_completed_from_the_server() {
        fn walk(command: &Command, found: &mut Vec<String>) {
            let is_offered = |arg: &&Arg| {
                arg.get::<ArgValueCandidates>().is_some()
                    || arg.get::<ArgValueCompleter>().is_some()
            };
            let args = command.get_arguments().filter(is_offered);
            found.extend(args.map(|arg| format!("{} {}", command.get_name(), arg.get_id())));
            command.get_subcommands().for_each(|sub| walk(sub, found));
        }
        let mut found = Vec::new();
        walk(&offered(crate::cli::command_line()), &mut found);
        for part in [
            "push id",
            "calls teams",
            "calls workflows",
            "publish names",
            "use name",
            "aftercall context",
            "show name",
            "history id",
            "batch ids",
        ] {
            let (command, arg) = part.split_once(' ').unwrap();
            let is_there = |one: &String| {
                one == part || (command == "batch" && one.ends_with(&format!(" {arg}")))
            };
            assert!(found.iter().any(is_there), "{part} is not in {found:?}");
        }
    }
}
