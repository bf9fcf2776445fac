//! The access file beside the certificates: which roles a client has.
//!
//! Promise: entries are only added. What a person wrote into the file stays.

use std::path::Path;

use aftercall_identity::Roles;
use toml::{Table, Value};

use super::files::write_file;
use crate::errors::Failure;

/// A client whose certificate gets roles.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) name: String,
    /// Empty if an access file that somebody else writes has them.
    pub(super) roles: Roles,
}

/// Adds the clients with roles; returns whether there are any.
pub(super) fn add(path: &Path, clients: &[Client]) -> Result<bool, Failure> {
    let clients: Vec<&Client> = clients.iter().filter(|c| !c.roles.is_empty()).collect();
    if clients.is_empty() {
        return Ok(false);
    }
    let mut text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(invalid(path, &error.to_string())),
    };
    let known: Table = text
        .parse()
        .map_err(|error: toml::de::Error| invalid(path, error.message()))?;
    for Client { name, roles } in clients {
        if has_entry(&known, name) {
            return Err(Failure::refused(format!(
                "{} has an entry for {name} already: change its roles there, and leave out \"=\" here.",
                path.display()
            )));
        }
        let name = Value::from(name.as_str());
        let roles: Vec<Value> = roles.iter().map(|role| role.name().into()).collect();
        let roles = Value::from(roles);
        let space = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!(
            "{space}[[certificate]]\ncommon_name = {name}\nname = {name}\nroles = {roles}\n"
        ));
    }
    write_file(path, &text, 0o644)?;
    Ok(true)
}

fn has_entry(known: &Table, name: &str) -> bool {
    let entries = known.get("certificate").and_then(Value::as_array);
    let names = |entry: &Value| entry.get("common_name").and_then(Value::as_str) == Some(name);
    entries.is_some_and(|entries| entries.iter().any(names))
}

fn invalid(path: &Path, reason: &str) -> Failure {
    Failure::refused(format!("{} cannot be used: {reason}.", path.display()))
}

#[cfg(test)]
mod tests {
    use aftercall_proto::access::v1::Role;

    use super::*;

    fn client(name: &str, roles: &[Role]) -> Client {
        Client {
            name: name.to_owned(),
            roles: roles.iter().copied().collect(),
        }
    }

    #[test]
    fn entries_are_added_to_what_is_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("access.toml");
        let plain = client("plain", &[]);
        assert!(!add(&path, &[plain]).expect("nothing to add") && !path.exists());

        std::fs::write(&path, "# ours\n[[certificate]]\ncommon_name = \"a\"\n").expect("written");
        let engine = client("engine-1", &[Role::ScriptEngine]);
        assert!(add(&path, std::slice::from_ref(&engine)).expect("added"));
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.starts_with("# ours\n"), "{text}");
        let table: Table = text.parse().expect("TOML");
        let entry = &table["certificate"].as_array().expect("entries")[1];
        assert_eq!(entry["name"].as_str(), Some("engine-1"));
        assert_eq!(entry["roles"], Value::from(vec!["script-engine"]));

        let again = add(&path, &[engine]).expect_err("there is one");
        assert!(again.sentence().contains("has an entry for engine-1"));
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);
    }
}
