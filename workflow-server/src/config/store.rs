//! The settings of a store that several servers share, and of this server among them.
//!
//! Promise: a secret in the address of the store is never shown.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aftercall_serving::settings::SettingError;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::journal::postgres::Address;

/// The address of a store. It may contain a password, which `Debug` hides.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_secrets().0)
    }
}

impl From<&str> for StoreUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl StoreUrl {
    /// Whether no store is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address with its secrets, to open the store.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether one of these arguments shows the password of the address.
    fn is_in(&self, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> bool {
        let has_password = *self != self.without_secrets();
        let mut arguments = arguments.into_iter();
        has_password && arguments.any(|one| one.to_string_lossy().contains(&self.0))
    }

    /// The address without a password.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return Self(if self.0.is_empty() { "" } else { HIDDEN }.to_owned());
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let user = match user.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@"),
            None if user.is_empty() => String::new(),
            None => format!("{user}@"),
        };
        let query = match query {
            "" => String::new(),
            query if query.to_ascii_lowercase().contains("password") => format!("?{HIDDEN}"),
            query => format!("?{query}"),
        };
        Self(format!("{scheme}://{user}{place}{query}"))
    }
}

/// What is shown instead of a secret.
const HIDDEN: &str = "hidden";

/// Options for a store that several servers share.
#[derive(Clone, Debug, Default, Args)]
pub struct StoreArgs {
    /// The database that several workflow-servers share, such as postgres://aftercall@db/aftercall, instead of a data
    /// directory. Give a password in the environment or in a file: one in an argument is refused
    #[arg(
        long,
        env = "AFTERCALL_STORE",
        value_name = "URL",
        hide_env_values = true
    )]
    store: Option<String>,
    /// A file that contains the URL of --store
    #[arg(
        long,
        env = "AFTERCALL_STORE_FILE",
        value_name = "FILE",
        conflicts_with = "store"
    )]
    store_file: Option<PathBuf>,
    /// With --store: the address by which the other members reach this one, such as `https://one.example.com:7401` [default:
    /// where it listens, on a loopback address]
    #[arg(long, env = "AFTERCALL_ADVERTISE", value_name = "URL")]
    advertise: Option<String>,
    /// With --store: the name of this member, which no other has [default: its advertised address]
    #[arg(long, env = "AFTERCALL_MEMBER_NAME", value_name = "NAME")]
    member_name: Option<String>,
    /// With --store: a PEM file with the CAs that sign the certificates of the members [default: those of the system]
    #[arg(long, env = "AFTERCALL_MEMBER_CA", value_name = "FILE")]
    member_ca: Option<PathBuf>,
}

impl StoreArgs {
    /// Adds the given ones by their names in the file.
    pub fn put_into(&self, over: &mut toml::Table) {
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| path.to_string_lossy().into_owned())
        };
        let given = [
            ("store", self.store.clone()),
            ("store_file", path(&self.store_file)),
            ("advertise", self.advertise.clone()),
            ("member_name", self.member_name.clone()),
            ("member_ca", path(&self.member_ca)),
        ];
        over.extend(
            given
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), toml::Value::from(value?)))),
        );
    }
}

/// The settings of a store, as [`errors`] checks them.
pub(super) struct Checked<'c> {
    pub(super) store: &'c StoreUrl,
    pub(super) store_file: &'c PathBuf,
    pub(super) listen: SocketAddr,
    pub(super) advertise: &'c str,
}

/// The invalid ones.
pub(super) fn errors(checked: &Checked<'_>) -> Vec<SettingError> {
    let mut errors = Vec::new();
    let has_file = !checked.store_file.as_os_str().is_empty();
    if has_file && !checked.store.is_empty() {
        let message = "it is set beside store: name the store once";
        errors.push(SettingError::new("store_file", message));
    }
    if !has_file && checked.store.is_empty() {
        return errors;
    }
    if checked.store.is_in(std::env::args_os()) {
        let message = "it has a password, which every user of this machine can see among the arguments: use store_file, or the variable AFTERCALL_STORE";
        errors.push(SettingError::new("store", message));
    }
    if checked.advertise.is_empty() && !checked.listen.ip().is_loopback() {
        let message = "it is empty: give the address by which the other members reach this one, such as https://one.example.com:7401";
        errors.push(SettingError::new("advertise", message));
    }
    if !checked.advertise.is_empty() && authority(checked.advertise).is_none() {
        let message = format!(
            "`{}` is not an address such as https://one.example.com:7401",
            checked.advertise
        );
        errors.push(SettingError::new("advertise", message));
    }
    errors
}

/// The error of a data directory that is none.
pub(super) fn directory_error(dir: &Path) -> Option<SettingError> {
    let message = if dir.as_os_str().is_empty() {
        "it is empty: name a directory"
    } else if Address::is_database(&dir.to_string_lossy()) {
        "it is the address of a database: name that with store, with store_file, or with the variable AFTERCALL_STORE"
    } else {
        return None;
    };
    Some(SettingError::new("data_dir", message))
}

/// The host and port of an advertised address. `None` if it is no such address.
pub(crate) fn authority(advertise: &str) -> Option<http::uri::Authority> {
    let uri: http::Uri = advertise.parse().ok()?;
    let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    uri.authority()
        .filter(|authority| is_known && is_bare && authority.port().is_some())
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_store_address_is_hidden() {
        for (url, shown) in [
            ("", ""),
            ("postgres://db/aftercall", "postgres://db/aftercall"),
            ("postgres://me@db:5432/a", "postgres://me@db:5432/a"),
            ("postgres://me:s3cret@db/a", "postgres://me:hidden@db/a"),
            (
                "postgres://me:p@ss:w@db/a?sslmode=require",
                "postgres://me:hidden@db/a?sslmode=require",
            ),
            (
                "postgres:///a?host=/run&password=s3cret",
                "postgres:///a?hidden",
            ),
            ("s3cret", "hidden"),
        ] {
            let url = StoreUrl::from(url);
            assert_eq!(url.without_secrets().reveal(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn a_password_among_the_arguments_is_noticed() {
        let arguments = |text: &str| ["--store".into(), format!("--x={text}").into()];
        for (url, is_seen) in [
            ("postgres://me:s3cret@db/a", true),
            ("postgres:///a?host=/run&password=s3cret", true),
            ("postgres://me@db/a", false),
            ("", false),
        ] {
            let store = StoreUrl::from(url);
            assert_eq!(store.is_in(arguments(url)), is_seen, "{url}");
            assert!(!store.is_in(arguments("other")), "{url}");
        }
    }

    #[test]
    fn an_advertised_address_has_a_scheme_and_a_port() {
        for valid in ["http://127.0.0.1:7401", "https://one.example.com:7401/"] {
            assert!(authority(valid).is_some(), "{valid}");
        }
        for invalid in [
            "",
            "one:7401",
            "ftp://one:7401",
            "https://one",
            "https://one:1/x",
        ] {
            assert!(authority(invalid).is_none(), "{invalid}");
        }
    }
}
