//! The programs of this repository as command lines, for completions and manual pages.

use clap::{Command, CommandFactory, ValueEnum};

/// The programs that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Program {
    Aftercall,
    WorkflowServer,
    AlerterServer,
}

impl Program {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Aftercall, Self::WorkflowServer, Self::AlerterServer];

    /// Its command line, under the name of its binary; `own` is that of this program.
    pub(crate) fn command(self, own: &Command) -> Command {
        match self {
            Self::Aftercall => own.clone(),
            Self::WorkflowServer => workflow_server::config::Args::command().name(self.name()),
            Self::AlerterServer => alerter_server::config::Args::command().name(self.name()),
        }
    }

    /// The name of its binary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Aftercall => "aftercall",
            Self::WorkflowServer => "workflow-server",
            Self::AlerterServer => "alerter-server",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::command_line;

    #[test]
    fn a_short_option_has_one_meaning() {
        // Upkeep of the list: a new letter is customary elsewhere, and is added to every command
        // that has its option.
        let agreed = [
            ("all", 'a'),
            ("dry-run", 'n'),
            ("output", 'o'),
            ("watch", 'w'),
            ("yes", 'y'),
        ];
        let mut seen = BTreeSet::new();
        let programs = Program::ALL.map(|program| program.command(&command_line()));
        programs
            .iter()
            .for_each(|program| shorts(program, &mut seen));
        for (long, short) in &seen {
            let expected = agreed
                .iter()
                .find(|(agreed, _)| agreed == long)
                .map(|(_, short)| *short);
            assert_eq!(*short, expected, "--{long}");
        }
        assert!(
            agreed
                .iter()
                .all(|(long, short)| seen.contains(&((*long).to_owned(), Some(*short)))),
            "{seen:?}"
        );
    }

    #[test]
    fn a_setting_has_one_name_everywhere() {
        // Variables that both servers have, or that are older than the rule.
        let other = [
            ("config", "AFTERCALL_CONFIG"),
            ("config", "AFTERCALL_ALERTER_CONFIG"),
            ("listen", "AFTERCALL_WORKFLOW_LISTEN"),
            ("listen", "AFTERCALL_ALERTER_LISTEN"),
            ("log-filter", "AFTERCALL_LOG"),
            // One value each; the variable and the key hold them all.
            ("allowed-host", "AFTERCALL_ALLOWED_HOSTS"),
            ("web-origin", "AFTERCALL_WEB_ORIGINS"),
        ];
        let mut count = 0;
        for (program, keys) in [
            (
                Program::WorkflowServer,
                toml::Table::try_from(workflow_server::config::WorkflowServerConfig::default()),
            ),
            (
                Program::AlerterServer,
                toml::Table::try_from(alerter_server::config::AlerterServerConfig::default()),
            ),
        ] {
            let (command, keys) = (program.command(&command_line()), keys.unwrap());
            for arg in command.get_arguments() {
                let (Some(long), Some(variable)) =
                    (arg.get_long(), arg.get_env().and_then(|name| name.to_str()))
                else {
                    continue;
                };
                let key = long.replace('-', "_");
                let expected = format!("AFTERCALL_{}", key.to_uppercase());
                assert!(
                    variable == expected || other.contains(&(long, variable)),
                    "--{long} is {variable}"
                );
                let is_key = keys.contains_key(&key)
                    || keys.contains_key(&format!("{key}s"))
                    || long == "config";
                assert!(is_key, "--{long} is no key of the file");
                count += 1;
            }
        }
        assert!(count > 25, "{count}");
    }

    /// Every long option with its letter.
    fn shorts(command: &Command, seen: &mut BTreeSet<(String, Option<char>)>) {
        let options = command
            .get_arguments()
            .filter_map(|arg| Some((arg.get_long()?.to_owned(), arg.get_short())));
        seen.extend(options);
        command.get_subcommands().for_each(|sub| shorts(sub, seen));
    }
}
