//! What kind of file of an author a text is: a workflow, tests, teams, calendars.
//!
//! Promise: a file that has errors, also in its syntax, is still of its kind. Must not: check the
//! text.

use std::path::Path;

/// What files of tests end in.
pub(crate) const TESTS_ENDING: &str = ".test.yaml";

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Workflow,
    Tests,
    Teams,
    Calendars,
    Schema,
    Unknown,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] = [
        Self::Workflow,
        Self::Tests,
        Self::Teams,
        Self::Calendars,
        Self::Schema,
        Self::Unknown,
    ];

    /// The kind after a number.
    pub(crate) fn counted(self) -> &'static str {
        match self {
            Self::Workflow => "of workflows",
            Self::Tests => "of tests",
            Self::Teams => "of teams",
            Self::Calendars => "of calendars",
            Self::Schema => "JSON Schema",
            Self::Unknown => "of another kind",
        }
    }

    /// The kind after "is".
    pub(crate) fn is(self) -> &'static str {
        match self {
            Self::Workflow => "a workflow file",
            Self::Tests => "a file of tests",
            Self::Teams => "a file of teams",
            Self::Calendars => "a file of calendars",
            Self::Schema => "a JSON Schema",
            Self::Unknown => "of another kind",
        }
    }

    /// The command that reads such a file; none where no other command does.
    pub(crate) fn command(self, file: &str) -> Option<String> {
        let command = match self {
            Self::Tests => "workflow test",
            Self::Teams => "team import",
            Self::Calendars => "calendar import",
            Self::Workflow | Self::Schema | Self::Unknown => return None,
        };
        Some(format!("aftercall {command} {file}"))
    }
}

/// The kind of a file, by its name and by the keys at its root, as the server decides it.
pub(crate) fn of(path: &Path, text: &str) -> Kind {
    if path.to_string_lossy().ends_with(TESTS_ENDING) {
        return Kind::Tests;
    }
    const KEYS: [(&str, Kind); 6] = [
        ("on_new_call", Kind::Workflow),
        // A file of tests names a workflow, and may name calendars.
        ("tests", Kind::Tests),
        ("workflow", Kind::Workflow),
        ("teams", Kind::Teams),
        ("calendars", Kind::Calendars),
        ("$schema", Kind::Schema),
    ];
    let root = serde_json::from_str::<serde_json::Value>(text).ok();
    let has = |key: &str| {
        root.as_ref()
            .map_or_else(|| has_line(text, key), |root| root.get(key).is_some())
    };
    KEYS.iter()
        .find(|(key, _)| has(key))
        .map_or(Kind::Unknown, |(_, kind)| *kind)
}

/// Whether the root has the key that begins the stages.
pub(crate) fn has_stages(text: &str) -> bool {
    const KEY: &str = "on_new_call";
    let root = serde_json::from_str::<serde_json::Value>(text);
    root.map_or_else(|_| has_line(text, KEY), |root| root.get(KEY).is_some())
}

/// Whether a line at the root begins with a key. Of what cannot be read the lines are looked at: a
/// workflow that has still to be mended is one too.
fn has_line(text: &str, key: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let is_in_braces = text.trim_start().starts_with('{');
    let mut lines = text.lines().map(|line| {
        if is_in_braces {
            line.trim_start().trim_start_matches(['{', ' '])
        } else {
            line
        }
    });
    lines.any(|line| {
        let rest = line.trim_start_matches(['"', '\'']).strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authoring::files;

    #[test]
    fn a_kind_is_known_by_the_keys_at_the_root() {
        let schema = crate::authoring::schema::text().unwrap();
        assert!(schema.contains("on_new_call"));
        let json = files::formatted("a", &files::template("w", "W"), true).unwrap();
        let broken = json.replace("format", "format\"");
        for (text, expected) in [
            (schema.as_str(), Kind::Schema),
            (&files::template("w", "W"), Kind::Workflow),
            (&json, Kind::Workflow),
            (&broken, Kind::Workflow),
            ("format: 1\non_new_call:\n  - buton: Go\n", Kind::Workflow),
            ("\"on_new_call\": []\n", Kind::Workflow),
            ("{ on_new_call: [], workflow: w }", Kind::Workflow),
            ("\u{feff}workflow: w\r\ntitle: [\r\n", Kind::Workflow),
            ("# of on_new_call:\nformat: 1\nteams: []\n", Kind::Teams),
            (
                "workflow: w.yaml\ncalendars: c.yaml\ntests: []\n",
                Kind::Tests,
            ),
            ("calendars: []\n", Kind::Calendars),
            ("{ \"properties\": { \"on_new_call\": {} } }", Kind::Unknown),
            ("on_new_calls: 1\n", Kind::Unknown),
        ] {
            assert_eq!(of(Path::new("a.yaml"), text), expected, "{text}");
        }
        assert_eq!(of(Path::new("x/a.test.yaml"), ""), Kind::Tests);
    }
}
