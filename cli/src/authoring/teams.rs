//! Files of teams, as the server takes them.

pub(crate) use aftercall_authoring::file::DeclaredTeam;
use aftercall_authoring::file::read_teams;

use super::files::refused;
use crate::errors::Failure;

/// Reads a file of teams; `file` is its name in errors.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<DeclaredTeam>, Failure> {
    read_teams(text).map_err(|faults| refused(file, text, &faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_file_is_read_strictly() {
        let teams = read(
            "teams.yaml",
            "format: 1\nteams:\n  - { name: billing, title: Billing }\n",
        )
        .unwrap();
        assert_eq!(teams[0].title, "Billing");
        let fault = read(
            "teams.yaml",
            "teams:\n  - { name: billing, titel: Billing }\n",
        )
        .unwrap_err();
        assert!(
            fault.sentence().contains(
                "teams.yaml:2:22: unknown key `titel`; did you mean `title`?\n  2 |   - { name:"
            ),
            "{}",
            fault.sentence()
        );
        assert!(read("t", "team: []").is_err());
        let other = read("c", "format: 1\ncalendars: []\n").unwrap_err();
        assert_eq!(
            other.sentence(),
            "c:2:1: this is a file of calendars, not a file of teams\n  2 | calendars: []\n    | ^"
        );
        for (text, kind) in [
            (
                "calendars: c.yaml\nworkflow: w.yaml\ntests: []",
                "3:1: this is a file of tests",
            ),
            (
                "workflow: w\non_new_call: []",
                "2:1: this is a workflow file",
            ),
            (
                "format: 1\nteams: []\nworkflow: w",
                "3:1: this is a workflow file",
            ),
        ] {
            let failure = read("t", text).unwrap_err();
            assert!(
                failure.sentence().contains(kind),
                "{text}: {}",
                failure.sentence()
            );
        }
    }
}
