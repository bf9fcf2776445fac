//! Sessions: a cookie in the browser, and a sealed file that a restart survives.
//!
//! Promise: the file of a session cannot be read without the browser's cookie. Who steals the
//! directory has no token, and no cookie. Must not: know what a token may do.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::provider::Tokens;
use crate::sealed::{self, KEY_BYTES, SealError, derive, hex, seal};

/// A session that nobody uses ends after this.
const UNUSED_MAX: Duration = Duration::from_secs(14 * 24 * 3_600);

/// A session is noted as used at most this often.
const TOUCH_EVERY: Duration = Duration::from_secs(3_600);

/// How the names of files end that have a form of a person.
pub(crate) const KEPT_FORM: &str = "-form";

/// Whose session a cookie has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionOf {
    Person,
    /// A screen on a wall. Browsers send its cookie to the wall only, so it opens no other page.
    Display,
}

impl SessionOf {
    /// The name of the cookie, and the pages that get it.
    fn cookie(self) -> (&'static str, &'static str) {
        match self {
            Self::Person => ("aftercall_session", "/"),
            Self::Display => ("aftercall_wall", "/wall"),
        }
    }
}

/// What a session keeps.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// The token of the person.
    pub(crate) token: String,
    /// The end of the token, if it is known.
    pub(crate) ends_at: Option<SystemTime>,
    /// Gets the next token from the provider, if the person signed in there.
    pub(crate) refresh_token: Option<String>,
    /// The stable id of the person.
    pub(crate) subject: String,
    /// The name of the person.
    pub(crate) name: String,
}

impl Session {
    /// A session whose person is not known yet.
    pub(crate) fn of_token(token: &str) -> Self {
        Self {
            token: token.trim().to_owned(),
            ..Self::default()
        }
    }

    /// The same with the tokens of a provider.
    pub(crate) fn with(self, tokens: Tokens) -> Self {
        Self {
            token: tokens.access,
            ends_at: tokens.ends_at,
            refresh_token: tokens.refresh,
            ..self
        }
    }
}

/// Why a session cannot be kept.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    /// The directory cannot be used.
    #[error("the directory of sessions cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The system has no random bytes, or its cipher failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The secret of a session: what the cookie has.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionSecret([u8; KEY_BYTES]);

impl SessionSecret {
    fn generate() -> Result<Self, SessionError> {
        Ok(Self(sealed::random()?))
    }

    fn key(&self) -> [u8; KEY_BYTES] {
        derive("key", &self.0)
    }

    /// The secret in the cookie of a request.
    pub(crate) fn of_request(headers: &HeaderMap, whose: SessionOf) -> Option<Self> {
        let (name, _) = whose.cookie();
        let mut values = cookies_named(headers, name);
        values.find_map(|value| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
            bytes.try_into().ok().map(Self)
        })
    }

    /// The header that gives the browser its cookie.
    pub(crate) fn cookie(&self, whose: SessionOf, is_secure: bool) -> HeaderValue {
        let value = BASE64_URL_SAFE_NO_PAD.encode(self.0);
        let seconds = UNUSED_MAX.as_secs();
        cookie(&value, whose, is_secure, &format!("Max-Age={seconds}"))
    }

    /// Where the session is kept: the browser's secret cannot be made from it.
    pub(crate) fn id(&self) -> String {
        hex(&derive("file", &self.0))
    }
}

/// The values of the cookies of a name.
pub(crate) fn cookies_named<'h>(
    headers: &'h HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = &'h str> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';'));
    pairs.filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The header that removes the cookie of a person.
pub(crate) fn no_cookie(is_secure: bool) -> HeaderValue {
    cookie("", SessionOf::Person, is_secure, "Max-Age=0")
}

fn cookie(value: &str, whose: SessionOf, is_secure: bool, age: &str) -> HeaderValue {
    let (name, path) = whose.cookie();
    set_cookie(&format!("{name}={value}; Path={path}"), is_secure, age)
}

/// The header that gives the browser a cookie, which its scripts cannot read. `pair` is its name, its
/// value and its path, `age` its end.
pub(crate) fn set_cookie(pair: &str, is_secure: bool, age: &str) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{pair}; HttpOnly; SameSite=Lax{secure}; {age}");
    let mut value =
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("invalid="));
    value.set_sensitive(true);
    value
}

/// The sessions of one page server.
#[derive(Debug)]
pub(crate) struct Sessions {
    directory: PathBuf,
}

impl Sessions {
    /// The sessions in a directory, which is made where it is missing.
    pub(crate) fn open(directory: &Path) -> Result<Self, SessionError> {
        fs::create_dir_all(directory)?;
        let sessions = Self {
            directory: directory.to_owned(),
        };
        sessions.remove(|_, age| age > UNUSED_MAX)?;
        Ok(sessions)
    }

    /// Begins a session.
    pub(crate) fn begin(&self, session: &Session) -> Result<SessionSecret, SessionError> {
        let secret = SessionSecret::generate()?;
        self.write(&secret, session)?;
        Ok(secret)
    }

    /// Keeps the present tokens of a session, unless it has ended.
    pub(crate) fn update(
        &self,
        secret: &SessionSecret,
        session: &Session,
    ) -> Result<(), SessionError> {
        match self.find_path(&secret.id()) {
            Some(_) => self.write(secret, session),
            None => Ok(()),
        }
    }

    fn write(&self, secret: &SessionSecret, session: &Session) -> Result<(), SessionError> {
        let content = serde_json::to_vec(session).map_err(|_| SealError)?;
        let sealed = seal(&secret.key(), content)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&sealed)?;
        let path = self.path(&session.subject, &secret.id());
        file.persist(path).map_err(io::Error::from)?;
        Ok(())
    }

    /// The session of a secret; `None` where it has ended.
    pub(crate) fn find(&self, secret: &SessionSecret) -> Option<Session> {
        let path = self.find_path(&secret.id())?;
        let content = sealed::open(&secret.key(), fs::read(&path).ok()?)?;
        let session = serde_json::from_slice(&content).ok()?;
        let age = age(&path).ok()?;
        if age > UNUSED_MAX {
            return None;
        }
        if age > TOUCH_EVERY {
            // Where that fails, the session ends earlier.
            let file = fs::File::options().append(true).open(&path);
            let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
        }
        Some(session)
    }

    /// Ends the session of a secret.
    pub(crate) fn end(&self, secret: &SessionSecret) -> Result<(), SessionError> {
        let id = secret.id();
        self.remove(|name, _| name.ends_with(&id))
    }

    /// Ends all sessions of a person.
    pub(crate) fn end_all_of(&self, subject: &str) -> Result<(), SessionError> {
        let prefix = person(subject);
        self.remove(|name, _| name.starts_with(&prefix))
    }

    /// Removes the forms of a person that are kept beside the sessions.
    pub(crate) fn forget_forms_of(&self, subject: &str) -> Result<(), SessionError> {
        let prefix = person(subject);
        self.remove(|name, _| name.starts_with(&prefix) && name.ends_with(KEPT_FORM))
    }

    fn path(&self, subject: &str, id: &str) -> PathBuf {
        self.directory.join(format!("{}.{id}", person(subject)))
    }

    fn find_path(&self, id: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(&self.directory).ok()?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.find(|path| path.extension().is_some_and(|found| found == id))
    }

    fn remove(&self, is_over: impl Fn(&str, Duration) -> bool) -> Result<(), SessionError> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if is_over(&name, age(&path).unwrap_or_default()) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// The part of file names that all sessions of a person share.
pub(crate) fn person(subject: &str) -> String {
    hex(&derive("person", subject.as_bytes())[..8])
}

fn age(path: &Path) -> io::Result<Duration> {
    let changed = fs::metadata(path)?.modified()?;
    Ok(changed.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(subject: &str) -> Session {
        Session {
            subject: subject.to_owned(),
            name: "Ann".to_owned(),
            ..Session::of_token("aftercall_1_secret")
        }
    }

    fn headers(secret: &SessionSecret) -> HeaderMap {
        let cookie = secret.cookie(SessionOf::Person, true);
        let text = cookie.to_str().expect("ASCII");
        assert!(text.contains("HttpOnly; SameSite=Lax; Secure"), "{text}");
        let pair = text.split(';').next().expect("a pair");
        let both = format!("other=1; {pair}");
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(both).expect("ASCII"))])
    }

    #[test]
    fn a_session_survives_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let sessions = Sessions::open(directory.path()).expect("opened");
        let secret = sessions.begin(&session("ann")).expect("begun");
        drop(sessions);
        let sessions = Sessions::open(directory.path()).expect("opened");
        let cookie = headers(&secret);
        assert!(SessionSecret::of_request(&cookie, SessionOf::Display).is_none());
        let shown = SessionSecret::of_request(&cookie, SessionOf::Person).expect("a cookie");
        let found = sessions.find(&shown).expect("it is there");
        assert_eq!(found.token, "aftercall_1_secret");
        sessions.end(&shown).expect("ended");
        assert!(sessions.find(&shown).is_none());
    }

    #[test]
    fn a_file_does_not_show_its_token() {
        let directory = tempfile::tempdir().expect("a directory");
        let sessions = Sessions::open(directory.path()).expect("opened");
        let secret = sessions.begin(&session("ann")).expect("begun");
        let path = sessions.find_path(&secret.id()).expect("a file");
        let content = fs::read(&path).expect("a file");
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains("secret") && !text.contains("Ann"), "{text}");
        let other = SessionSecret::generate().expect("random bytes");
        fs::rename(&path, sessions.path("ann", &other.id())).expect("renamed");
        assert!(sessions.find(&other).is_none());
    }

    #[test]
    fn a_session_that_has_ended_is_not_kept_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let sessions = Sessions::open(directory.path()).expect("opened");
        let secret = sessions.begin(&session("ann")).expect("begun");
        let renewed = Session {
            token: "another".to_owned(),
            ..session("ann")
        };
        sessions.update(&secret, &renewed).expect("kept");
        assert_eq!(sessions.find(&secret).expect("there").token, "another");
        sessions.end(&secret).expect("ended");
        sessions.update(&secret, &renewed).expect("left alone");
        assert!(sessions.find(&secret).is_none());
    }

    #[test]
    fn all_sessions_of_a_person_end_together() {
        let directory = tempfile::tempdir().expect("a directory");
        let sessions = Sessions::open(directory.path()).expect("opened");
        let [one, two] = [(); 2].map(|()| sessions.begin(&session("ann")).expect("begun"));
        let ben = sessions.begin(&session("ben")).expect("begun");
        sessions.end_all_of("ann").expect("ended");
        assert!(sessions.find(&one).is_none() && sessions.find(&two).is_none());
        assert!(sessions.find(&ben).is_some());
    }
}
