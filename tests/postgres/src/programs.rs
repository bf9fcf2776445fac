//! The programs of PostgreSQL, and the user that they run as.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder with `postgres`, `initdb` and `psql`.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools");
        let found = Command::new(tools)
            .arg("postgres")
            .output()
            .expect("tests/tools runs");
        let said = String::from_utf8_lossy(&found.stderr);
        assert!(
            found.status.success(),
            "tests/tools postgres failed: {said}"
        );
        let folder = String::from_utf8(found.stdout).expect("a path");
        folder.trim().into()
    })
}

/// The user and group that the servers run as: `None` for the user of this process. PostgreSQL
/// refuses to run as root.
pub(crate) fn user() -> Option<(u32, u32)> {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of this process");
    let own = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let own = own.and_then(|ids| ids.split_whitespace().nth(1));
    if own != Some("0") {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the users");
    let named = |name: &str| {
        let user = users.lines().find(|line| line.starts_with(name))?;
        let mut fields = user.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    named("postgres:").or_else(|| named("nobody:"))
}

/// A command that runs as the user of the servers.
pub(crate) fn command(program: &Path) -> Command {
    let Some((user, group)) = user() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={user}"),
            &format!("--regid={group}"),
            "--clear-groups",
            "--",
        ])
        .arg(program);
    command
}

/// Runs a command that must succeed, and returns its output.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
