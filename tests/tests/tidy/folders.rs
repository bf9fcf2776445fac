//! Every folder with code is one that the other checks read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What lies at the top beside the crates.
const BESIDE: &[&str] = &["benches", "docs", "examples"];

/// The crates of the workspace that none of the roots holds, the folders at the top that nobody
/// knows, and the roots that do not exist.
pub(crate) fn unknown(workspace: &Path, roots: &[&str]) -> Vec<String> {
    let manifest = fs::read_to_string(workspace.join("Cargo.toml")).expect("a manifest");
    let members = members(&manifest);
    let mut errors: Vec<String> = members
        .iter()
        .filter(|member| !roots.contains(&member.split('/').next().unwrap_or_default()))
        .map(|member| format!("{member} is a crate of no root"))
        .collect();
    let folders: BTreeSet<String> = fs::read_dir(workspace)
        .expect("the workspace")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    let is_known = |name: &str| roots.contains(&name) || BESIDE.contains(&name);
    errors.extend(
        folders
            .iter()
            .filter(|name| !is_known(name))
            .map(|name| format!("{name}/ is a folder that no check reads")),
    );
    errors.extend(
        roots
            .iter()
            .filter(|root| !folders.contains(**root))
            .map(|root| format!("{root}/ is a root that does not exist")),
    );
    errors
}

/// The paths of the crates.
fn members(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let members = manifest["workspace"]["members"]
        .as_array()
        .expect("the members");
    members
        .iter()
        .map(|member| member.as_str().expect("a path").to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_no_check_reads_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["known", "new", "docs"] {
            fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        let manifest = "[workspace]\nmembers = [\"known\", \"new/inner\"]";
        fs::write(dir.path().join("Cargo.toml"), manifest).expect("a file");
        assert_eq!(
            unknown(dir.path(), &["known", "gone"]),
            [
                "new/inner is a crate of no root",
                "new/ is a folder that no check reads",
                "gone/ is a root that does not exist"
            ]
        );
    }
}
