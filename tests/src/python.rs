//! Programs in other languages, and the Python stubs of `proto/`.

use std::path::Path;

use tokio::process::Command;

use crate::PATIENCE;
use crate::tools::workspace;

/// Runs a program to its end; returns what it printed.
///
/// # Panics
/// If it does not end in time, or fails.
pub async fn run(command: &mut Command) -> String {
    let ended = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let output = ended.expect("it ends in time").expect("it starts");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?} failed:\n{out}{err}");
    out.into_owned()
}

/// The Python stubs of all of `proto/`, made with what pip installs.
///
/// # Panics
/// If they cannot be made.
pub async fn stubs(python: &Path, to: &Path) {
    let proto = workspace().join("proto");
    let mut files = Vec::new();
    for package in ["access", "alert", "workflow"] {
        let folder = proto.join("aftercall").join(package).join("v1");
        files.extend(
            std::fs::read_dir(folder)
                .expect("a folder")
                .map(|entry| entry.expect("a file").path()),
        );
    }
    let mut protoc = Command::new(python);
    protoc
        .args(["-m", "grpc_tools.protoc"])
        .arg("-I")
        .arg(&proto);
    for option in ["--python_out", "--grpc_python_out"] {
        protoc.arg(format!("{option}={}", to.display()));
    }
    run(protoc.args(files)).await;
}
