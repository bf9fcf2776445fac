//! The file that keeps a login.
//!
//! Promise: only its owner can read the file, and it is replaced in one step. A refresh token is used
//! by one process at a time: an issuer may accept each one once. Must not: show a token.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::errors::Failure;
use crate::login::issuer::{Granted, Issuer};
use crate::login::settings::LoginSettings;

/// How long before its end a token is renewed. A connection asks 20 s before: this is earlier.
const BEFORE_END: SignedDuration = SignedDuration::from_secs(30);

/// A login: the content of its file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    pub(super) settings: LoginSettings,
    pub(super) access_token: String,
    /// The end of the access token, if the issuer named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
}

impl Login {
    /// The login of granted tokens. The refresh token is the last one.
    pub(super) fn of(
        settings: LoginSettings,
        granted: Granted,
        refresh_token: Option<String>,
    ) -> Self {
        let lifetime = granted
            .expires_in
            .and_then(|seconds| i64::try_from(seconds).ok());
        let lifetime = lifetime.map(SignedDuration::from_secs);
        Self {
            settings,
            access_token: granted.access_token,
            expires_at: lifetime.and_then(|lifetime| Timestamp::now().checked_add(lifetime).ok()),
            // An issuer that sends none means that the last one is still good.
            refresh_token: granted.refresh_token.or(refresh_token),
        }
    }

    /// The login that a file has.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let unusable = |reason: &str| {
            Failure::usage(format!(
                "The login in {} cannot be used: {reason}.\nLog in again with `aftercall login`.",
                path.display()
            ))
        };
        let text = fs::read_to_string(path).map_err(|error| unusable(&error.to_string()))?;
        // The error of the parser would show a part of the text.
        serde_json::from_str(&text).map_err(|_| unusable("it does not have the form of a login"))
    }

    /// Keeps a new login in a file. Its folder is made if it is missing.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder(path))?;
        let _lock = lock(path)?;
        self.write(path)
    }

    /// Replaces the file, whose lock is held.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let written = || -> io::Result<()> {
            // A temporary file has mode 600.
            let mut file = NamedTempFile::new_in(folder(path))?;
            writeln!(file, "{}", serde_json::to_string(self)?)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        written().map_err(|error| {
            let path = path.display();
            Failure::refused(format!("The login cannot be written to {path}: {error}."))
        })
    }

    /// The end of the access token, if the issuer named one.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether the access token can be renewed without questions.
    pub(crate) fn can_renew(&self) -> bool {
        self.refresh_token.is_some()
    }

    pub(super) fn is_over_at(&self, time: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= time)
    }

    pub(super) fn is_near_end(&self, now: Timestamp) -> bool {
        self.is_over_at(now.saturating_add(BEFORE_END).unwrap_or(now))
    }

    /// The same login with a new access token.
    pub(super) fn renewed(&self, refresh_token: &str) -> Result<Self, Failure> {
        let issuer = Issuer::discover(&self.settings)?;
        let granted = issuer.refresh(refresh_token)?.map_err(|refusal| {
            Failure::refused(format!(
                "The login at {} has ended: {refusal}.\nLog in again with `aftercall login`.",
                self.settings.issuer
            ))
        })?;
        let (settings, old) = (self.settings.clone(), self.refresh_token.clone());
        Ok(Self::of(settings, granted, old))
    }

    /// Ends the login at its issuer, if the issuer can do that.
    pub(crate) fn revoke(&self) -> Result<(), Failure> {
        let issuer = Issuer::discover(&self.settings)?;
        match &self.refresh_token {
            Some(token) => issuer.revoke(token, "refresh_token"),
            None => issuer.revoke(&self.access_token, "access_token"),
        }
    }
}

/// Removes the file of a login; one that is not there is removed already.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    // A process that renews the login would write the file again.
    let _lock = lock(path).ok();
    for path in [path, &lock_file(path)] {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            let path = path.display();
            return Err(Failure::refused(format!(
                "{path} cannot be removed: {error}."
            )));
        }
    }
    Ok(())
}

/// Locks a login against other processes until the file is dropped.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(lock_file(path))?;
    file.lock()?;
    Ok(file)
}

fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

pub(super) fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
