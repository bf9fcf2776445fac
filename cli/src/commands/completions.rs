//! `aftercall completions`: a completion script for a shell, on stdout.
//!
//! Promise: it knows every command and option of this build. Must not: install anything, or ask a
//! server: that does `COMPLETE=bash aftercall`, whose script runs this program for each completion.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::errors::Failure;
use crate::programs::Program;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall completions bash > ~/.local/share/bash-completion/completions/aftercall
  aftercall completions zsh > ~/.zfunc/_aftercall
  aftercall completions bash --of workflow-server > /etc/bash_completion.d/workflow-server

To complete workflows, teams and ids of the server as well, put this into ~/.bashrc instead (zsh, fish likewise):
  source <(COMPLETE=bash aftercall)")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
    /// Which program
    #[arg(long, value_enum, default_value = "aftercall", value_name = "PROGRAM")]
    of: Program,
}

impl Completions {
    pub(crate) fn run(self, own: &Command) -> Result<(), Failure> {
        io::stdout()
            .lock()
            .write_all(&script(self.shell, self.of, own))?;
        Ok(())
    }
}

fn script(shell: Shell, of: Program, own: &Command) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut of.command(own), of.name(), &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command_line;

    #[test]
    fn every_shell_gets_a_script_for_every_program() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Elvish,
        ] {
            for (of, word) in
                Program::ALL
                    .into_iter()
                    .zip(["set-workflow", "data-dir", "workflow-server"])
            {
                let script = String::from_utf8(script(shell, of, &command_line())).unwrap();
                assert!(script.contains(word), "{shell} {of:?}");
            }
        }
    }
}
