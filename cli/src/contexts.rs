//! Named contexts: which servers, and how to prove who is asking, in the user's configuration file.
//!
//! Promise: the file has names of files, never a secret. It is replaced whole, so a reader sees the
//! old one or the new one. The credentials of a context go only to the addresses that it names.
//! Must not: connect.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::connect::{Connections, DEFAULT_ALERTER, DEFAULT_SERVER};
use crate::credentials::Credentials;
use crate::errors::Failure;
use crate::login::LoginSettings;
use crate::user;

/// The variable that names the file, for tests and for machines with several users of one account.
const FILE_VARIABLE: &str = "AFTERCALL_CONTEXTS_FILE";
/// The longest name of a context, in characters.
const NAME_CHARACTERS_MAX: usize = 64;

/// One context. What it leaves out is as without a context.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// The workflow-server's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// The alerter-server's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alerter: Option<String>,
    /// The certificate authorities to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The user's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_key: Option<PathBuf>,
    /// The file with the user's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// The file with the user's login, which counts before the token file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) login_file: Option<PathBuf>,
    /// Where the user logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<LoginSettings>,
    /// Whether the token may be sent in plain text to another machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) plain_text_token: bool,
}

impl Context {
    /// A context with these servers and files.
    pub(crate) fn new(
        server: Option<String>,
        alerter: Option<String>,
        credentials: Credentials,
    ) -> Self {
        let Credentials {
            ca_file,
            client_certificate,
            client_key,
            token_file,
            login_file,
            plain_text_token,
        } = credentials;
        Self {
            server,
            alerter,
            ca_file,
            client_certificate,
            client_key,
            token_file,
            login_file,
            login: None,
            plain_text_token,
        }
    }

    /// How to prove who is asking, and whom to trust.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            ca_file: self.ca_file.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            token_file: self.token_file.clone(),
            login_file: self.login_file.clone(),
            plain_text_token: self.plain_text_token,
        }
    }
}

/// All contexts of a user.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    /// The name of the one that commands use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) contexts: BTreeMap<String, Context>,
}

impl Contexts {
    /// Reads the contexts of this user; none where there is no file.
    pub(crate) fn read() -> Result<Self, Failure> {
        match file() {
            Some(path) => Self::read_from(&path),
            None => Ok(Self::default()),
        }
    }

    fn read_from(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(path, &error)),
        };
        toml::from_str(&text).map_err(|error| unreadable(path, &error))
    }

    /// Replaces the file, which only the user can read.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let path = file().ok_or_else(nowhere)?;
        self.write_to(&path)
            .map_err(|error| unwritable(&path, &error))
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        // A link, as to a folder under version control, stays.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        // A temporary file has mode 600.
        let mut replaced = NamedTempFile::new_in(folder)?;
        replaced.write_all(text.as_bytes())?;
        replaced.as_file().sync_all()?;
        replaced.persist(&path)?;
        Ok(())
    }

    /// The context of a name.
    pub(crate) fn get(&self, name: &str) -> Result<&Context, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            Failure::not_found(format!(
                "There is no context {name}. `aftercall context list` shows them."
            ))
        })
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, name: &str) -> Result<&mut Context, Failure> {
        self.get(name)?;
        Ok(self.contexts.entry(name.to_owned()).or_default())
    }

    /// The name of the chosen context, or of the current one.
    pub(crate) fn name(&self, chosen: Option<&str>) -> Result<String, Failure> {
        let name = chosen.or(self.current.as_deref()).ok_or_else(|| {
            Failure::usage(
                "A login belongs to a context, and there is none: `aftercall context add NAME --server …` adds one.",
            )
        })?;
        self.get(name)?;
        Ok(name.to_owned())
    }

    /// The chosen context, or the current one; none where there is neither.
    fn chosen(&self, name: Option<&str>) -> Result<Context, Failure> {
        match name.or(self.current.as_deref()) {
            Some(name) => self.get(name).cloned(),
            None => Ok(Context::default()),
        }
    }
}

/// Checks the name of a new context.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    let is_valid = !name.is_empty() && name.len() <= NAME_CHARACTERS_MAX;
    if is_valid && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{name:?} is not a name of a context: write up to {NAME_CHARACTERS_MAX} letters, digits, hyphens, underscores and dots."
    )))
}

/// Where the login of a context is kept: beside the contexts.
pub(crate) fn login_file(name: &str) -> Result<PathBuf, Failure> {
    let contexts = file().ok_or_else(nowhere)?;
    let contexts = std::path::absolute(contexts)?;
    let folder = contexts.parent().unwrap_or(Path::new("/"));
    Ok(folder.join("logins").join(format!("{name}.json")))
}

fn nowhere() -> Failure {
    Failure::usage(format!(
        "There is no place for contexts: set HOME, XDG_CONFIG_HOME or {FILE_VARIABLE}."
    ))
}

/// Where the contexts of this user are.
fn file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(named) = variable(FILE_VARIABLE) {
        return Some(named.into());
    }
    let absolute = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let absolute = absolute.filter(|folder| folder.is_absolute());
    let folder = absolute.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")));
    Some(folder?.join("aftercall").join("config.toml"))
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Failure {
    let error = error.to_string();
    Failure::usage(format!(
        "The contexts in {} cannot be read: {}.\nCorrect the file, or remove it.",
        path.display(),
        error.trim_end()
    ))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::refused(format!(
        "The contexts in {} cannot be written: {error}.",
        path.display()
    ))
}

/// What flags and variables say about the servers.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The workflow-server's address.
    pub(crate) server: Option<String>,
    /// The alerter-server's address.
    pub(crate) alerter: Option<String>,
    /// Who asks; `None` where nobody is named.
    pub(crate) actor: Option<String>,
    /// How they prove it.
    pub(crate) credentials: Credentials,
    /// The context instead of the current one.
    pub(crate) context: Option<String>,
}

impl Given {
    /// The way to the servers: flags and variables, then the context, then the defaults. A context
    /// that cannot be used fails the command when it connects, because many commands do not.
    pub(crate) fn resolve(self) -> Connections {
        let name = self.context.as_deref().filter(|name| !name.is_empty());
        let chosen = Contexts::read().and_then(|contexts| contexts.chosen(name));
        self.resolve_with(chosen)
    }

    fn resolve_with(self, chosen: Result<Context, Failure>) -> Connections {
        let (context, unusable) = match chosen {
            Ok(context) => (context, None),
            Err(failure) => (Context::default(), Some(failure)),
        };
        let of_context = |address: Option<String>, named: &Option<String>, usual: &str| {
            let address = address.or_else(|| named.clone());
            let is_named =
                matches!((&address, named), (Some(used), Some(named)) if is_within(used, named));
            let credentials = match is_named {
                true => self.credentials.clone().or(context.credentials()),
                false => self.credentials.clone(),
            };
            (address.unwrap_or_else(|| usual.to_owned()), credentials)
        };
        let (server, credentials) = of_context(self.server, &context.server, DEFAULT_SERVER);
        let (alerter, alerter_credentials) =
            of_context(self.alerter, &context.alerter, DEFAULT_ALERTER);
        Connections {
            server,
            alerter,
            // A server knows the name that is proved, and refuses another.
            actor: self.actor.unwrap_or_else(|| match credentials.has_proof() {
                true => String::new(),
                false => user::name(),
            }),
            credentials,
            alerter_credentials,
            unusable,
        }
    }
}

/// Whether all of these addresses are among the named ones.
fn is_within(used: &str, named: &str) -> bool {
    let mut used = used.split(',').map(str::trim);
    used.all(|address| named.split(',').any(|one| one.trim() == address))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::errors::Exit;

    fn context() -> Context {
        Context {
            server: Some("https://calls.example.com:7401".to_owned()),
            alerter: Some("https://calls.example.com:7402".to_owned()),
            ca_file: Some("/etc/ca.pem".into()),
            token_file: Some("/etc/token".into()),
            ..Context::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("config.toml");
        assert_eq!(Contexts::read_from(&path).unwrap(), Contexts::default());
        let contexts = Contexts {
            current: Some("prod".to_owned()),
            contexts: [("prod".to_owned(), context())].into(),
        };
        contexts.write_to(&path).unwrap();
        assert_eq!(Contexts::read_from(&path).unwrap(), contexts);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "no temporary file is left");
    }

    #[test]
    fn a_link_to_the_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("real.toml"), dir.path().join("link.toml"));
        fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Contexts::default().write_to(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        for text in ["[contexts.a]\nsrever = 'h:1'", "contexts = 1", "]"] {
            fs::write(&path, text).unwrap();
            let failure = Contexts::read_from(&path).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(failure.sentence().contains("config.toml"), "{failure}");
        }
    }

    #[test]
    fn credentials_go_only_to_the_addresses_of_their_context() {
        let of = |server: Option<&str>| {
            let given = Given {
                server: server.map(str::to_owned),
                ..Given::default()
            };
            given.resolve_with(Ok(context()))
        };
        let whole = of(None);
        assert_eq!(whole.server, "https://calls.example.com:7401");
        assert_eq!(whole.credentials, context().credentials());
        let same = of(Some("https://calls.example.com:7401"));
        assert_eq!(same.credentials, context().credentials());
        let other = of(Some("https://other.example.com:7401"));
        assert_eq!(other.server, "https://other.example.com:7401");
        assert_eq!(other.credentials, Credentials::default());
        assert_eq!(other.alerter_credentials, context().credentials());
        // A context without an alerter has no token for the usual one.
        let part = Context {
            alerter: None,
            ..context()
        };
        let part = Given::default().resolve_with(Ok(part));
        assert_eq!(part.alerter, DEFAULT_ALERTER);
        assert_eq!(part.alerter_credentials, Credentials::default());
    }

    #[test]
    fn flags_come_before_the_context() {
        let given = Given {
            credentials: Credentials {
                token_file: Some("mine".into()),
                ..Credentials::default()
            },
            ..Given::default()
        };
        let to = given.resolve_with(Ok(context()));
        assert_eq!(to.credentials.token_file, Some("mine".into()));
        assert_eq!(to.credentials.ca_file, Some("/etc/ca.pem".into()));
    }

    #[test]
    fn credentials_go_to_the_named_addresses_only() {
        let several = Context {
            server: Some("https://a:1,https://b:1".to_owned()),
            ..context()
        };
        let used = |server: Option<&str>| {
            let given = Given {
                server: server.map(str::to_owned),
                ..Given::default()
            };
            given
                .resolve_with(Ok(several.clone()))
                .credentials
                .has_proof()
        };
        assert!(used(None) && used(Some("https://b:1")));
        assert!(used(Some("https://b:1, https://a:1")));
        assert!(!used(Some("https://c:1")) && !used(Some("https://a:1,https://c:1")));
    }

    #[test]
    fn an_unknown_context_fails_when_it_is_used() {
        let contexts = Contexts::default();
        let to = Given::default().resolve_with(contexts.chosen(Some("prod")));
        let failure = to.to_server().unwrap_err();
        assert_eq!(failure.exit(), Exit::NotFound);
        assert!(failure.sentence().contains("no context prod"), "{failure}");
        assert!(contexts.chosen(None).is_ok());
    }

    #[test]
    fn names_of_contexts_are_plain() {
        for name in ["prod", "eu-1.test_2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
