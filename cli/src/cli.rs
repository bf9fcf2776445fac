//! The command line: global options, and the commands that show the command line itself.
//!
//! Promise: every command's help has an example, and the exit codes are listed. Must not: do a
//! command's work.

use std::ffi::OsString;

use clap::{Arg, Args, CommandFactory, Parser, Subcommand};

use crate::commands::{Command, completions, man};
use crate::contexts::{Context, Given};
use crate::credentials::{self, Credentials};
use crate::errors::Failure;
use crate::output::{Form, Output};
use crate::sensitive::Sensitive;
use crate::session::{Named, Session};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  refused, or a workflow has errors
  2  the command line is wrong
  3  what was named does not exist
  4  known, but its state forbids it (somebody pushed first, the call is not chargeable, …)
  5  the server cannot be reached or cannot answer now

Examples:
  aftercall demo
  aftercall up --data-dir ./data
  aftercall calls --team billing
  aftercall push ID Approve
  aftercall --output json watch --team billing";

/// Runs and follows the follow-up work of telephone calls.
#[derive(Debug, Parser)]
#[command(name = "aftercall", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Chosen,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Tables for people, or JSON for programs: an array for lists, one object a line for streams
    #[arg(
        long,
        short = 'o',
        global = true,
        value_enum,
        default_value = "table",
        value_name = "FORM"
    )]
    output: Form,
    /// Every column of a table, however narrow the terminal is
    #[arg(long, global = true)]
    wide: bool,
    /// The values of sensitive fields too; without it a mark is in their place
    #[arg(long, global = true)]
    show_sensitive: bool,
    /// The workflow-server's address; https://HOST:PORT for TLS; members of a cluster with commas
    /// between them [default: 127.0.0.1:7401]
    #[arg(
        long,
        global = true,
        env = "AFTERCALL_SERVER",
        value_name = "HOST:PORT"
    )]
    server: Option<String>,
    /// The alerter-server's address; https://HOST:PORT for TLS; several with commas between them
    /// [default: 127.0.0.1:7402]
    #[arg(
        long,
        global = true,
        env = "AFTERCALL_ALERTER",
        value_name = "HOST:PORT"
    )]
    alerter: Option<String>,
    /// Your name, as the history shows it [default: the name of your user, or with a token or
    /// certificate the name that it proves]
    #[arg(long, global = true, env = "AFTERCALL_ACTOR", value_name = "NAME")]
    actor: Option<String>,
    /// The context to use instead of the current one
    #[arg(long, global = true, env = "AFTERCALL_CONTEXT", value_name = "CONTEXT", value_parser = clap::builder::OsStringValueParser::new())]
    context: Option<OsString>,
    #[command(flatten)]
    credentials: Credentials,
}

#[derive(Debug, Subcommand)]
enum Chosen {
    #[command(flatten)]
    Command(Box<Command>),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Write manual pages, one for each command and for each server
    Man(man::Man),
}

/// The commands that need no server. Their help omits the global options that name one.
const ASKS_NO_SERVER: [&[&str]; 16] = [
    &["up"],
    &["demo"],
    &["serve"],
    &["store"],
    &["restore"],
    &["verify"],
    &["certificate"],
    &["completions"],
    &["man"],
    &["token"],
    &["workflow", "new"],
    &["workflow", "fmt"],
    &["workflow", "schema"],
    &["context", "use"],
    &["context", "list"],
    &["context", "remove"],
];

/// These need no server either, but their help shows `--context`.
const ASKS_AN_ISSUER: [&[&str]; 2] = [&["login"], &["logout"]];

/// The commands that start servers of their own unless the command line names some: there is no
/// default, and no variable is read. These refuse `--alerter`.
const MEASURES_ONE_SERVER: [&[&str]; 2] = [&["load"], &["load", "crowd"]];
/// These take both options or neither.
const MEASURES_BOTH_SERVERS: [&[&str]; 3] = [
    &["load", "alerts"],
    &["load", "reconnect"],
    &["load", "page"],
];

/// The command line, as it is parsed and as its help shows it.
pub(crate) fn command_line() -> clap::Command {
    let command = Cli::command();
    let global: Vec<Arg> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .cloned()
        .collect();
    let of_servers = ["server", "alerter", "actor", "context"];
    let hidden = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        of_servers.contains(&id) || credentials::OPTIONS.contains(&id)
    };
    let hidden: Vec<Arg> = global
        .iter()
        .filter(hidden)
        .map(|arg| arg.clone().hide(true))
        .collect();
    let command = ASKS_NO_SERVER
        .iter()
        .fold(command, |command, path| hide(command, path, &hidden));
    let but_context: Vec<Arg> = hidden
        .iter()
        .filter(|arg| arg.get_id() != "context")
        .cloned()
        .collect();
    let command = ASKS_AN_ISSUER
        .iter()
        .fold(command, |command, path| hide(command, path, &but_context));
    let own = |is_alerter_shown: bool| -> Vec<Arg> {
        let shown = |arg: Arg| {
            let is_shown = is_alerter_shown || arg.get_id() != "alerter";
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let without_default = help.split(" [default").next().unwrap_or_default();
            let own = arg.help(without_default.to_owned()).hide_env(true);
            own.hide(!is_shown)
        };
        let servers = global.iter().filter(|arg| arg.get_id() != "actor");
        let servers = servers.filter(|arg| hidden.iter().any(|one| one.get_id() == arg.get_id()));
        servers.cloned().map(shown).collect()
    };
    let with = |command, paths: &[&[&str]], own: &[Arg]| {
        paths
            .iter()
            .fold(command, |command, path| hide(command, path, own))
    };
    let command = with(command, &MEASURES_ONE_SERVER, &own(false));
    with(command, &MEASURES_BOTH_SERVERS, &own(true))
}

/// A subcommand that has an argument of the same name as a global one keeps its own.
fn hide(command: clap::Command, path: &[&str], hidden: &[Arg]) -> clap::Command {
    match path.split_first() {
        None => command.args(hidden),
        Some((name, rest)) => command.mut_subcommand(*name, |command| hide(command, rest, hidden)),
    }
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self, named: Named, flags: &[&str]) -> Result<(), Failure> {
        let Global {
            output,
            wide,
            show_sensitive,
            server,
            alerter,
            actor,
            context,
            credentials,
        } = self.global;
        let flags = Context::new(
            server.clone().filter(|_| named.server),
            alerter.clone().filter(|_| named.alerter),
            credentials.clone().only(flags),
        );
        let context = context.map(|name| name.to_string_lossy().into_owned());
        let context = context.filter(|name| !name.is_empty());
        let given = Given {
            server,
            alerter,
            actor: actor.filter(|name| !name.trim().is_empty()),
            credentials,
            context: context.clone(),
        };
        let sensitive = match show_sensitive {
            true => Sensitive::Shown,
            false => Sensitive::Hidden,
        };
        let output = Output::new(output).wide(wide).with_sensitive(sensitive);
        let session = Session::new(given.resolve(), output, named).with_flags(flags, context);
        match self.command {
            Chosen::Command(command) => command.run(&session).await,
            Chosen::Completions(completions) => completions.run(&command_line()),
            Chosen::Man(man) => man.run(&command_line()),
        }
    }
}

/// Whether a command line requests JSON, even if it is otherwise wrong.
pub(crate) fn is_json(args: impl Iterator<Item = OsString>) -> bool {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let is_named = args
        .windows(2)
        .any(|pair| matches!(&*pair[0], "--output" | "-o") && pair[1] == "json");
    is_named
        || args
            .iter()
            .any(|arg| matches!(&**arg, "--output=json" | "-ojson" | "-o=json"))
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        command_line().debug_assert();
    }

    #[test]
    fn global_options_may_follow_the_command() {
        let cli = Cli::try_parse_from([
            "aftercall",
            "calls",
            "--output",
            "json",
            "--server",
            "http://h:1",
        ])
        .unwrap();
        assert_eq!(cli.global.output, Form::Json);
        assert_eq!(cli.global.server.as_deref(), Some("http://h:1"));
    }

    #[test]
    fn a_wrong_command_line_may_request_json() {
        let is_json = |args: &str| is_json(args.split(' ').map(OsString::from));
        for yes in [
            "--output json nonsense",
            "push -o json",
            "-ojson calls",
            "calls --output=json --nonsense",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        assert!(!is_json("calls --output table") && !is_json("note ID json"));
    }

    #[test]
    fn help_lists_global_options_last() {
        let help = Cli::try_parse_from(["aftercall", "calls", "--help"])
            .unwrap_err()
            .to_string();
        let (own, global) = help
            .split_once("Global options:")
            .expect("they have a heading of their own");
        assert!(
            own.contains("--team") && !own.contains("--server"),
            "{help}"
        );
        assert!(
            global.contains("-o, --output") && global.contains("--server"),
            "{help}"
        );
    }

    #[test]
    fn help_omits_options_without_meaning() {
        let help = |args: &[&str]| {
            let args = ["aftercall"].iter().chain(args).chain(&["--help"]);
            command_line()
                .try_get_matches_from(args)
                .unwrap_err()
                .to_string()
        };
        for path in ASKS_NO_SERVER.into_iter().chain(ASKS_AN_ISSUER) {
            let text = help(path);
            let is_named = |option: &str| {
                text.lines()
                    .any(|line| line.trim_start().starts_with(&format!("{option} ")))
            };
            assert!(
                !is_named("--server") && !is_named("--alerter") && !is_named("--actor"),
                "{path:?}: {text}"
            );
        }
        assert!(help(&["login"]).contains("--context "));
        assert!(
            !help(&["store", "compact"]).contains("--alerter"),
            "below such a command too"
        );
        assert!(
            help(&["calls"]).contains("--server")
                && help(&["workflow", "publish"]).contains("--server")
        );
        assert!(
            !help(&["load"]).contains("[default: 127.0.0.1:7401]"),
            "it starts a server of its own"
        );
        assert!(
            !help(&["load", "crowd"]).contains("--alerter ")
                && help(&["load", "alerts"]).contains("--alerter ")
        );
        let between = ["aftercall", "load", "--server", "h:1", "alerts"];
        let refused = command_line().try_get_matches_from(between).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ArgumentConflict);
        for line in [
            "aftercall load --server h:1",
            "aftercall --server h:1 load",
            "aftercall load alerts --server h:1",
        ] {
            let named = command_line()
                .try_get_matches_from(line.split(' '))
                .unwrap();
            assert_eq!(
                Cli::from_arg_matches(&named)
                    .unwrap()
                    .global
                    .server
                    .as_deref(),
                Some("h:1"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_error() {
        for wrong in [
            vec!["aftercall", "push", "ID"],
            vec!["aftercall", "history"],
            vec!["aftercall", "history", "ID", "--call", "s/1"],
            vec![
                "aftercall",
                "set-workflow",
                "refund",
                "--call",
                "1001",
                "--customer",
                "c",
            ],
            vec![
                "aftercall",
                "set-workflow",
                "refund",
                "--call",
                "s/1",
                "--customer",
                "c",
                "--release-within",
                "2h",
            ],
            vec![
                "aftercall",
                "workflow",
                "export",
                "refund",
                "--draft",
                "--version",
                "2",
            ],
            vec!["aftercall", "up"],
        ] {
            assert_eq!(
                Cli::try_parse_from(&wrong).unwrap_err().exit_code(),
                2,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        let mut lacking = Vec::new();
        walk(&Cli::command(), "aftercall", &mut lacking);
        assert_eq!(lacking, Vec::<String>::new());
        let help = Cli::try_parse_from(["aftercall", "--help"]).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        assert!(help.to_string().contains("Exit codes:"));
    }

    fn walk(command: &clap::Command, path: &str, lacking: &mut Vec<String>) {
        if command.get_about().is_none()
            || (!command.has_subcommands() && command.get_after_help().is_none())
        {
            lacking.push(path.to_owned());
        }
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path} {}", sub.get_name()), lacking);
        }
    }
}
