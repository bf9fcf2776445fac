//! The token file: one line of JSON for each token, with a hash of its secret.
//!
//! Promise: the file never has a secret. A change replaces the file in one step, so that a server
//! reads it before the change or after it.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use aftercall_proto::access::v1::Role;
use aftercall_scope::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::denied::{Denied, DeniedProof};
use crate::identity::{Identity, Kind, Proof};
use crate::roles::Roles;
use crate::secret::{NoRandomBytes, Secret};

/// A line of the token file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// Id of the token; it is also in the token itself.
    pub id: String,
    /// Name of the person or program.
    pub name: String,
    /// `person` or `service`.
    pub kind: TokenKind,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Customers that it may see; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// Teams that it may see; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` if it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// SHA-256 of the token, as hexadecimal digits.
    pub hash: String,
}

/// Whether a token is a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// A person.
    Person,
    /// A program.
    Service,
}

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Name of the person or program.
    pub name: String,
    /// Whether it is a person.
    pub kind: TokenKind,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Customers that it may see; empty for all.
    pub customers: Vec<String>,
    /// Teams that it may see; empty for all.
    pub teams: Vec<String>,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// Why a token file cannot be used.
#[derive(Debug, Error)]
pub enum TokenFileError {
    /// It cannot be read or written.
    #[error("the token file {} cannot be read or written: {error}", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// A line is invalid.
    #[error("line {line} of the token file: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such token.
    #[error(
        "the token file has no token {0:?} that can be revoked: `aftercall token list` shows their ids"
    )]
    NoSuchToken(String),
    /// The system has no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomBytes),
}

/// The tokens of a file.
#[derive(Debug, Default)]
pub struct Tokens {
    by_id: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    record: TokenRecord,
    identity: Arc<Identity>,
}

impl Tokens {
    /// Reads the text of a token file.
    ///
    /// # Errors
    /// [`TokenFileError::Line`] for the first invalid line.
    pub fn read(text: &str) -> Result<Self, TokenFileError> {
        let mut by_id = HashMap::new();
        for (line, record) in records(text)? {
            let invalid = |reason: String| TokenFileError::Line { line, reason };
            let identity = identity(&record).map_err(invalid)?;
            let id = record.id.clone();
            if by_id.insert(id, Known { record, identity }).is_some() {
                return Err(invalid("an earlier line has the same id".to_owned()));
            }
        }
        Ok(Self { by_id })
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// [`Denied::Invalid`], [`Denied::Revoked`], [`Denied::Expired`].
    pub fn verify(&self, token: &Secret, now: SystemTime) -> Result<Arc<Identity>, DeniedProof> {
        let known = self.by_id.get(token.id());
        let known = known.filter(|known| token.matches(&known.record.hash));
        let known = known.ok_or(Denied::Invalid {
            reason: "the token file of this server does not have it",
        })?;
        if known.record.revoked_at.is_some() {
            return Err(Denied::Revoked.of(&*known.identity));
        }
        if known.identity.expires_at.is_some_and(|end| end <= now) {
            return Err(Denied::Expired.of(&*known.identity));
        }
        Ok(Arc::clone(&known.identity))
    }
}

fn identity(record: &TokenRecord) -> Result<Arc<Identity>, String> {
    let roles = record.roles.iter().map(|name| {
        Role::named(name).ok_or_else(|| format!("there is no role {name:?}: {}", role_names()))
    });
    let roles: Roles = roles.collect::<Result<_, _>>()?;
    if roles.is_empty() || record.name.is_empty() {
        return Err("a token needs a name and a role".to_owned());
    }
    Ok(Arc::new(Identity {
        subject: record.name.as_str().into(),
        name: record.name.as_str().into(),
        kind: match record.kind {
            TokenKind::Person => Kind::Person,
            TokenKind::Service => Kind::Service,
        },
        roles,
        scope: Scope::new(&record.customers, &record.teams),
        proof: Proof::TokenFile,
        expires_at: record.expires_at.map(system_time),
    }))
}

/// The roles that there are, as a hint.
pub(crate) fn role_names() -> String {
    let names: Vec<&str> = Role::ALL.into_iter().map(Role::name).collect();
    format!("use one of {}", names.join(", "))
}

fn records(text: &str) -> Result<Vec<(usize, TokenRecord)>, TokenFileError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| {
            let record = serde_json::from_str(line);
            let record = record.map_err(|error| TokenFileError::Line {
                line: at + 1,
                reason: error.to_string(),
            })?;
            Ok((at + 1, record))
        })
        .collect()
}

/// The tokens of a file, in its order. A file that does not exist has none.
///
/// # Errors
/// [`TokenFileError`].
pub fn list(path: &Path) -> Result<Vec<TokenRecord>, TokenFileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(io_error(path, error)),
    };
    // Reads the roles too.
    Tokens::read(&text)?;
    Ok(records(&text)?
        .into_iter()
        .map(|(_, record)| record)
        .collect())
}

/// Adds a token; returns its line and its secret.
///
/// # Errors
/// [`TokenFileError`].
pub fn create(path: &Path, new: NewToken) -> Result<(TokenRecord, Secret), TokenFileError> {
    let mut records = list(path)?;
    let secret = Secret::generate()?;
    let record = TokenRecord {
        id: secret.id().to_owned(),
        name: new.name,
        kind: new.kind,
        roles: new
            .roles
            .into_iter()
            .map(|role| role.name().to_owned())
            .collect(),
        customers: new.customers,
        teams: new.teams,
        created_at: whole_second(Timestamp::now()),
        expires_at: new.expires_at.map(whole_second),
        revoked_at: None,
        hash: secret.hash(),
    };
    records.push(record.clone());
    replace(path, &records)?;
    Ok((record, secret))
}

/// Revokes the token of an id, or all tokens of a name; returns their lines.
///
/// # Errors
/// [`TokenFileError::NoSuchToken`] if none of them is valid, [`TokenFileError::Io`].
pub fn revoke(path: &Path, id_or_name: &str) -> Result<Vec<TokenRecord>, TokenFileError> {
    let mut records = list(path)?;
    let now = whole_second(Timestamp::now());
    let mut revoked = Vec::new();
    for record in &mut records {
        let is_meant = record.id == id_or_name || record.name == id_or_name;
        if is_meant && record.revoked_at.is_none() {
            record.revoked_at = Some(now);
            revoked.push(record.clone());
        }
    }
    if revoked.is_empty() {
        return Err(TokenFileError::NoSuchToken(id_or_name.to_owned()));
    }
    replace(path, &records)?;
    Ok(revoked)
}

fn system_time(time: Timestamp) -> SystemTime {
    let seconds = u64::try_from(time.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Replaces the file in one step. Only its owner can read the new one.
fn replace(path: &Path, records: &[TokenRecord]) -> Result<(), TokenFileError> {
    let write = || -> io::Result<()> {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        for record in records {
            serde_json::to_writer(&mut file, record)?;
            file.write_all(b"\n")?;
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| io_error(path, error))
}

fn io_error(path: &Path, error: io::Error) -> TokenFileError {
    TokenFileError::Io {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, expires_at: Option<Timestamp>) -> NewToken {
        NewToken {
            name: name.to_owned(),
            kind: TokenKind::Person,
            roles: vec![Role::Agent],
            customers: Vec::new(),
            teams: vec!["billing".to_owned()],
            expires_at,
        }
    }

    fn verified(path: &Path, token: &Secret, now: SystemTime) -> Result<Arc<Identity>, Denied> {
        let text = fs::read_to_string(path).expect("a file");
        assert!(!text.contains(token.reveal()), "the file has the secret");
        let verified = Tokens::read(&text).expect("tokens").verify(token, now);
        verified.map_err(|denied| {
            let holder = denied.holder.map(|holder| holder.name);
            let is_genuine = matches!(denied.why, Denied::Expired | Denied::Revoked);
            assert_eq!(holder.as_deref(), is_genuine.then_some("Ann"));
            denied.why
        })
    }

    #[test]
    fn a_token_is_valid_until_it_ends_or_is_revoked() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tokens");
        let now = SystemTime::now();
        let end = Timestamp::now() + Duration::from_secs(60);
        let (record, ann) = create(&path, new("Ann", Some(end))).expect("a token");
        let (_, ben) = create(&path, new("Ben", None)).expect("a token");
        let identity = verified(&path, &ann, now).expect("valid");
        assert_eq!(
            (&*identity.name, identity.roles.to_string().as_str()),
            ("Ann", "agent")
        );
        assert!(identity.scope.has_team("billing") && !identity.scope.has_team("sales"));
        let later = now + Duration::from_secs(61);
        assert_eq!(verified(&path, &ann, later), Err(Denied::Expired));
        assert_eq!(revoke(&path, "Ann").expect("revoked").len(), 1);
        assert_eq!(verified(&path, &ann, now), Err(Denied::Revoked));
        assert!(
            verified(&path, &ben, later).is_ok(),
            "the other one is not revoked"
        );
        assert!(matches!(
            revoke(&path, &record.id),
            Err(TokenFileError::NoSuchToken(_))
        ));
        assert_eq!(list(&path).expect("tokens").len(), 2);
    }

    #[test]
    fn a_token_with_another_secret_is_invalid() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tokens");
        let (_, ann) = create(&path, new("Ann", None)).expect("a token");
        let (_, ben) = create(&path, new("Ben", None)).expect("a token");
        let mixed = ann.reveal().replace(ann.id(), ben.id());
        let mixed = Secret::parse(&mixed).expect("the form of a token");
        assert!(matches!(
            verified(&path, &mixed, SystemTime::now()),
            Err(Denied::Invalid { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_a_token_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tokens");
        create(&path, new("Ann", None)).expect("a token");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_invalid_line_is_named() {
        let line = r#"{"id":"a","name":"Ann","kind":"person","roles":["boss"],"created_at":"2026-01-01T00:00:00Z","hash":""}"#;
        for (text, number) in [(line.to_owned(), 1), ("# a note\n\n{}".to_owned(), 3)] {
            match Tokens::read(&text) {
                Err(TokenFileError::Line { line, .. }) => assert_eq!(line, number, "{text}"),
                other => panic!("{other:?}"),
            }
        }
        assert!(Tokens::read(&line.replace("boss", "agent")).is_ok());
    }
}
