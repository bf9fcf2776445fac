//! The form of a file of tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    /// The file of the workflow, from the folder of this one.
    pub(super) workflow: PathBuf,
    /// A file of calendars.
    pub(super) calendars: Option<PathBuf>,
    /// None where the key has no value: that has an error of its own.
    pub(super) tests: Option<Vec<Test>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) at: Option<String>,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, Scalar>,
    #[serde(default)]
    pub(super) call: Call,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) customer: Option<String>,
    pub(super) caller: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) chargeable: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) push: Option<String>,
    #[serde(default)]
    pub(super) form: BTreeMap<String, Scalar>,
    pub(super) note: Option<String>,
    pub(super) wait: Option<String>,
    #[serde(default)]
    pub(super) expect: Expected,
    /// The step is refused, and the sentence has these words in it.
    pub(super) refused: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// The id of the stage's event.
    pub(super) stage: Option<String>,
    pub(super) visit: Option<u32>,
    pub(super) status: Option<String>,
    pub(super) outcome: Option<String>,
    /// Words in the texts of the alerts, one for each.
    pub(super) alerts: Option<Vec<String>>,
    /// The ids of the buttons.
    pub(super) buttons: Option<Vec<String>>,
    /// What each holds; nothing where it should have no value.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, Option<Scalar>>,
    /// How many warnings came.
    pub(super) warnings: Option<usize>,
}

/// A value of a field with the characters that it is written with: only the type of the field says
/// what they mean, and a text such as `1.50`, `no` or a long number must come out as it is.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub(super) struct Scalar(String);

impl Scalar {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        let written = "a: 1.50
b: 12345678901234567890
c: no
d: true
e: 2026-11-25 10:00
f: 007
g: +44 1632 960000
h: \"null\"
i: ''
j: 'it''s # \"quoted\"'
k: |
  two
  lines
l: 0x1F
m: .5
n: '  ends  '
";
        let block: BTreeMap<String, Scalar> = serde_saphyr::from_str(written).unwrap();
        let block: Vec<&str> = block.values().map(Scalar::text).collect();
        let expected = [
            "1.50",
            "12345678901234567890",
            "no",
            "true",
            "2026-11-25 10:00",
            "007",
            "+44 1632 960000",
            "null",
            "",
            "it's # \"quoted\"",
            "two\nlines\n",
            "0x1F",
            ".5",
            "  ends  ",
        ];
        assert_eq!(block, expected);
        let flow = "{ a: 1.50, b: 12345678901234567890, c: no, d: true, e: 2026-11-25 10:00, f: \"yes, no\", g: Yes }";
        let flow: BTreeMap<String, Scalar> = serde_saphyr::from_str(flow).unwrap();
        let flow: Vec<&str> = flow.values().map(Scalar::text).collect();
        assert_eq!(
            flow,
            [
                "1.50",
                "12345678901234567890",
                "no",
                "true",
                "2026-11-25 10:00",
                "yes, no",
                "Yes"
            ]
        );
    }

    #[test]
    fn a_missing_value_is_not_a_text() {
        let expected: Expected =
            serde_saphyr::from_str("fields: { a: ~, b: null, c: , d: '', e: nothing }").unwrap();
        let held: Vec<Option<&str>> = expected
            .fields
            .values()
            .map(|value| value.as_ref().map(Scalar::text))
            .collect();
        assert_eq!(held, [None, None, None, Some(""), Some("nothing")]);
        assert!(
            serde_saphyr::from_str::<Scalar>("~").is_err(),
            "a value that is given is one"
        );
    }
}
