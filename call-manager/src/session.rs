//! Sessions: a cookie in the browser, and a sealed file that a restart survives.
//!
//! Promise: the file of a session cannot be read without the browser's cookie. Who steals the
//! directory has no token, and no cookie. Must not: know what a token may do.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A session that nobody uses ends after this.
const UNUSED_MAX: Duration = Duration::from_secs(14 * 24 * 3_600);

/// A session is noted as used at most this often.
const TOUCH_EVERY: Duration = Duration::from_secs(3_600);

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

const SECRET_BYTES: usize = 32;

/// What a session keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The token of the person.
    pub(crate) token: String,
    /// The stable id of the person.
    pub(crate) subject: String,
    /// The name of the person.
    pub(crate) name: String,
}

/// Why a session cannot be kept.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    /// The directory cannot be used.
    #[error("the directory of sessions cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The system has no random bytes, or its cipher failed.
    #[error("a session cannot be sealed")]
    Seal,
}

/// The secret of a session: what the cookie has.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionSecret([u8; SECRET_BYTES]);

impl SessionSecret {
    fn generate() -> Result<Self, SessionError> {
        let mut bytes = [0; SECRET_BYTES];
        rand::fill(&mut bytes).map_err(|_| SessionError::Seal)?;
        Ok(Self(bytes))
    }

    /// The secret in the cookie of a request.
    pub(crate) fn of_request(headers: &HeaderMap, whose: SessionOf) -> Option<Self> {
        let (name, _) = whose.cookie();
        let cookies = headers.get_all(COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        pairs.find_map(|pair| {
            let value = pair.trim().strip_prefix(name)?.strip_prefix('=')?;
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
        derive("file", &self.0)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The header that removes the cookie of a person.
pub(crate) fn no_cookie(is_secure: bool) -> HeaderValue {
    cookie("", SessionOf::Person, is_secure, "Max-Age=0")
}

fn cookie(value: &str, whose: SessionOf, is_secure: bool, age: &str) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let (name, path) = whose.cookie();
    let text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}; {age}");
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
        let content = serde_json::to_vec(session).map_err(|_| SessionError::Seal)?;
        let sealed = seal(&secret, content)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&sealed)?;
        let path = self.path(&session.subject, &secret.id());
        file.persist(path).map_err(io::Error::from)?;
        Ok(secret)
    }

    /// The session of a secret; `None` where it has ended.
    pub(crate) fn find(&self, secret: &SessionSecret) -> Option<Session> {
        let path = self.find_path(&secret.id())?;
        let session = open(secret, fs::read(&path).ok()?)?;
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
fn person(subject: &str) -> String {
    derive("person", subject.as_bytes())[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn age(path: &Path) -> io::Result<Duration> {
    let changed = fs::metadata(path)?.modified()?;
    Ok(changed.elapsed().unwrap_or_default())
}

fn derive(purpose: &str, bytes: &[u8]) -> [u8; 32] {
    let whole = digest(&SHA256, &[purpose.as_bytes(), b":", bytes].concat());
    let mut derived = [0; 32];
    derived.copy_from_slice(whole.as_ref());
    derived
}

fn key(secret: &SessionSecret) -> Option<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, &derive("key", &secret.0)).ok()
}

fn seal(secret: &SessionSecret, mut content: Vec<u8>) -> Result<Vec<u8>, SessionError> {
    let key = key(secret).ok_or(SessionError::Seal)?;
    let nonce = key
        .seal_in_place_append_tag(Aad::empty(), &mut content)
        .map_err(|_| SessionError::Seal)?;
    Ok([&nonce.as_ref()[..], &content].concat())
}

fn open(secret: &SessionSecret, mut sealed: Vec<u8>) -> Option<Session> {
    if sealed.len() < NONCE_LEN {
        return None;
    }
    let mut content = sealed.split_off(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(&sealed).ok()?;
    let content = key(secret)?
        .open_in_place(nonce, Aad::empty(), &mut content)
        .ok()?;
    serde_json::from_slice(content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(subject: &str) -> Session {
        Session {
            token: "aftercall_1_secret".to_owned(),
            subject: subject.to_owned(),
            name: "Ann".to_owned(),
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
