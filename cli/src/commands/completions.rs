//! `aftercall completions`: a completion script for a shell, on stdout.
//!
//! Promise: it knows every command and option of this build. Must not: install anything.

use std::io::{self, Write};

use clap::Args;
use clap_complete::Shell;

use crate::{cli::command_line, errors::Failure};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall completions bash > ~/.local/share/bash-completion/completions/aftercall
  aftercall completions zsh > ~/.zfunc/_aftercall")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        io::stdout().lock().write_all(&script(self.shell))?;
        Ok(())
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command_line(), "aftercall", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_names_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let script = String::from_utf8(script(shell)).unwrap();
            assert!(script.contains("set-workflow"), "{shell}");
        }
    }
}
