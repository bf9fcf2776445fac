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
    pub(super) tests: Vec<Test>,
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
    #[serde(default)]
    pub(super) fields: BTreeMap<String, Scalar>,
    /// How many warnings came.
    pub(super) warnings: Option<usize>,
}

/// A value of a field as it is written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Scalar {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Bool(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}
