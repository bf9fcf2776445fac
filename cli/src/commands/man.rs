//! `aftercall man`: manual pages of this build, one for each command and for each of the servers.
//!
//! Promise: the pages say what `--help` says. Must not: install anything beside the directory that
//! is named.

use std::path::{Path, PathBuf};

use clap::{Args, Command};

use crate::errors::Failure;
use crate::output::remark;
use crate::programs::Program;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  aftercall man --dir ~/.local/share/man/man1\n  man aftercall-workflow-publish"
)]
pub(crate) struct Man {
    /// The directory that the pages are written to; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Man {
    pub(crate) fn run(&self, own: &Command) -> Result<(), Failure> {
        write(&self.dir, own).map_err(|error| {
            Failure::refused(format!(
                "The pages cannot be written to {}: {error}.",
                self.dir.display()
            ))
        })?;
        remark(&format!(
            "The pages are in {}: `man aftercall` shows the first.",
            self.dir.display()
        ));
        Ok(())
    }
}

fn write(dir: &Path, own: &Command) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    Program::ALL
        .iter()
        .try_for_each(|program| clap_mangen::generate_to(program.command(own), dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command_line;

    fn count(command: &clap::Command) -> usize {
        1 + command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .map(count)
            .sum::<usize>()
    }

    #[test]
    fn every_command_and_both_servers_have_a_page() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("share/man1");
        write(&below, &command_line()).unwrap();
        let pages = std::fs::read_dir(&below).unwrap().count();
        assert_eq!(
            pages,
            Program::ALL
                .iter()
                .map(|program| count(&program.command(&command_line())))
                .sum::<usize>()
        );
        let page = |name: &str| std::fs::read_to_string(below.join(name)).unwrap();
        let publish = page("aftercall-workflow-publish.1");
        assert!(
            publish.contains("Make drafts immutable versions") && publish.contains("Examples:"),
            "{publish}"
        );
        assert!(page("workflow-server.1").contains("AFTERCALL_DATA_DIR"));
        assert!(page("alerter-server.1").contains("AFTERCALL_WORKFLOW_SERVER"));
    }
}
