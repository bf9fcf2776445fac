//! Tools of other languages, which `tests/tools` installs where they are missing.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// Where a tool is, installed first if it is missing; nothing where it cannot be had.
pub async fn tool(name: &str) -> Option<PathBuf> {
    let asked = Command::new(workspace().join("tests/tools"))
        .arg(name)
        .stderr(Stdio::inherit())
        .output()
        .await;
    let output = asked.expect("tests/tools runs");
    assert!(
        output.status.success(),
        "tests/tools {name} says above what is missing"
    );
    let path = String::from_utf8(output.stdout)
        .expect("a path")
        .trim()
        .to_owned();
    (!path.is_empty()).then(|| path.into())
}
