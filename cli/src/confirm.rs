//! Questions before what cannot be undone.
//!
//! Promise: without `--yes` nothing happens before a person has answered. Must not: ask a program:
//! a script gets a refusal that names `--yes`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use crate::errors::Failure;
use crate::output::one_line;

/// Whether to ask.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Sure {
    /// Do it without asking
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Sure {
    /// Whether `--yes` was given.
    pub(crate) fn is_given(self) -> bool {
        self.yes
    }

    /// Asks a question, unless `--yes` was given.
    pub(crate) fn ask(self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let question = one_line(question);
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(Failure::usage(format!(
                "{question}\nNothing was done, because there is no terminal to ask at. With --yes it is done without asking."
            )));
        }
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if is_yes(&answer) {
            Ok(())
        } else {
            Err(Failure::refused("Nothing was done."))
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_confirms() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        for no in ["", "\n", "n\n", "yesterday\n", "ok\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
