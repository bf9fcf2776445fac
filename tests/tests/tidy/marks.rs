//! No file has the marks of a merge that nobody has resolved: scripts and documents are compiled by
//! nobody.

use std::fs;
use std::path::Path;

const MARKS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];

/// The lines with such a mark, as `path:line`.
pub(crate) fn left(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !["target", ".git", "node_modules"].contains(&&*name) {
                found.extend(left(&path));
            }
            continue;
        }
        // Pictures have none.
        let text = fs::read_to_string(&path).unwrap_or_default();
        let marked = |line: &str| MARKS.iter().any(|mark| line.starts_with(mark));
        let lines = text.lines().enumerate().filter(|(_, line)| marked(line));
        found.extend(lines.map(|(at, _)| format!("{}:{}", path.display(), at + 1)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_was_left_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let inner = dir.path().join("assets");
        fs::create_dir(&inner).expect("a folder");
        fs::write(inner.join("page.js"), "one\n<<<<<<< HEAD\ntwo\n").expect("a file");
        fs::write(dir.path().join("ok.md"), "a << b\n=======\n").expect("a file");
        let found = left(dir.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("page.js:2"), "{found:?}");
    }
}
