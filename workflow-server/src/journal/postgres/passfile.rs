//! The file with passwords of PostgreSQL's own programs: lines of
//! `host:port:database:user:password`, in which `*` fits everything.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::parameters::invalid;
use crate::journal::DatabaseError;

/// The connection that needs a password.
pub(super) struct Wanted<'a> {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The password of a connection. `None` if the file is missing or has none.
///
/// Errors: other users can read the file.
pub(super) fn find(path: &Path, wanted: &Wanted<'_>) -> Result<Option<String>, DatabaseError> {
    let unreadable = |reason: std::io::Error| {
        invalid(format!(
            "the file with passwords {} cannot be read: {reason}",
            path.display()
        ))
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(invalid(format!(
            "other users can read the file with passwords {}: run `chmod 600` on it",
            path.display()
        )));
    }
    Ok(text.lines().find_map(|line| password_in(line, wanted)))
}

fn password_in(line: &str, wanted: &Wanted<'_>) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let fields = split(line);
    let [host, port, database, user, password] = fields.try_into().ok()?;
    let fits = |field: &str, value: &str| field == "*" || field == value;
    let is_it = fits(&host, &wanted.host)
        && fits(&port, &wanted.port.to_string())
        && fits(&database, wanted.database)
        && fits(&user, wanted.user);
    is_it.then_some(password)
}

/// Splits a line into its five fields. A backslash protects a colon or a backslash.
fn split(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let count = fields.len();
        match character {
            ':' if count < 5 => fields.push(String::new()),
            '\\' => fields[count - 1].extend(characters.next()),
            _ => fields[count - 1].push(character),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(text: &str, mode: u32) -> Result<Option<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let wanted = Wanted {
            host: "::1".to_owned(),
            port: 5432,
            database: "calls",
            user: "ann",
        };
        find(file.path(), &wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# *:*:*:*:no\none:*:*:*:no\n\\:\\:1:5432:*:ann:a:b\\\\c\n*:*:*:*:other\n";
        assert_eq!(find_in(text, 0o600), Ok(Some(r"a:b\c".to_owned())));
        assert_eq!(find_in("*:5433:*:*:no\n*:*:*:no\n", 0o600), Ok(None));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let error = find_in("*:*:*:*:secret", 0o640).unwrap_err();
        assert!(
            error.contains("chmod 600") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_has_no_password() {
        let wanted = Wanted {
            host: "one".to_owned(),
            port: 5432,
            database: "calls",
            user: "ann",
        };
        assert_eq!(find(Path::new("/missing/passwords"), &wanted), Ok(None));
    }
}
