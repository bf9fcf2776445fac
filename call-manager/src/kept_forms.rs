//! Forms that have an address of their own, so that a reload and the back button show them again:
//! sealed files beside the sessions.
//!
//! Promise: no address has a text of its form. A file cannot be read without the address, and only
//! the person who sent the form gets it back. Must not: know what a form means.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::form::Texts;
use crate::sealed::{KEY_BYTES, SealError, derive, hex, open, random, seal};
use crate::session::{KEPT_FORM, SessionError, person};

/// A form is kept for a working day.
const KEPT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Forms of one person: the newest.
const PER_PERSON_MAX: usize = 64;

/// The forms of one page server.
#[derive(Debug)]
pub(crate) struct KeptForms {
    directory: PathBuf,
}

impl KeptForms {
    /// The forms in the directory of the sessions.
    pub(crate) fn new(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { directory }
    }

    /// Keeps a form of a person. Returns what its address has.
    pub(crate) fn keep(&self, subject: &str, texts: &Texts) -> Result<String, SessionError> {
        self.remove_old(subject)?;
        let secret = random()?;
        let content = serde_json::to_vec(&texts.0).map_err(|_| SealError)?;
        let sealed = seal(&key(&secret, subject), content)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&sealed)?;
        let path = self.path(subject, &secret);
        file.persist(path).map_err(io::Error::from)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(secret))
    }

    /// The form of a person by what its address has; `None` if it is not kept for that person.
    pub(crate) fn find(&self, subject: &str, address: &str) -> Option<Texts> {
        let secret = BASE64_URL_SAFE_NO_PAD.decode(address).ok()?;
        let secret: [u8; KEY_BYTES] = secret.try_into().ok()?;
        let sealed = fs::read(self.path(subject, &secret)).ok()?;
        let content = open(&key(&secret, subject), sealed)?;
        let texts: HashMap<String, String> = serde_json::from_slice(&content).ok()?;
        Some(Texts(texts))
    }

    fn path(&self, subject: &str, secret: &[u8]) -> PathBuf {
        let id = hex(&derive("form file", secret));
        let name = format!("{}.{id}{KEPT_FORM}", person(subject));
        self.directory.join(name)
    }

    /// Removes what is too old, and makes room for one more form of a person.
    fn remove_old(&self, subject: &str) -> Result<(), SessionError> {
        let prefix = person(subject);
        let mut own: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(KEPT_FORM) {
                continue;
            }
            // Another request may have removed it.
            let Ok(written) = entry.metadata().and_then(|file| file.modified()) else {
                continue;
            };
            if written.elapsed().unwrap_or_default() > KEPT_MAX {
                remove(&entry.path())?;
            } else if name.starts_with(&prefix) {
                own.push((written, entry.path()));
            }
        }
        own.sort();
        let more = (own.len() + 1).saturating_sub(PER_PERSON_MAX);
        for (_, path) in &own[..more] {
            remove(path)?;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The key is of the person too: the address alone opens nothing for somebody else.
fn key(secret: &[u8], subject: &str) -> [u8; KEY_BYTES] {
    derive("form key", &[secret, b":", subject.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Texts {
        Texts(HashMap::from([("call.caller".to_owned(), text.to_owned())]))
    }

    #[test]
    fn a_form_is_found_by_its_address_after_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let forms = KeptForms::new(directory.path());
        let address = forms.keep("ann", &texts("Ada")).expect("kept");
        let forms = KeptForms::new(directory.path());
        let found = forms.find("ann", &address).expect("it is there");
        assert_eq!(found.get("call.caller"), "Ada");
        assert!(forms.find("ann", "other").is_none());
        assert!(
            forms
                .find("ann", &address.replace(&address[..4], "AAAA"))
                .is_none()
        );
    }

    #[test]
    fn a_form_is_only_for_who_sent_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let forms = KeptForms::new(directory.path());
        let address = forms.keep("ann", &texts("Ada")).expect("kept");
        assert!(forms.find("ben", &address).is_none());
        // Also where Ben gets at the file.
        let secret = BASE64_URL_SAFE_NO_PAD.decode(&address).expect("bytes");
        let path = forms.path("ann", &secret);
        let content = fs::read(&path).expect("a file");
        assert!(!String::from_utf8_lossy(&content).contains("Ada"));
        fs::copy(&path, forms.path("ben", &secret)).expect("copied");
        assert!(forms.find("ben", &address).is_none());
        assert!(forms.find("ann", &address).is_some(), "the control");
    }

    #[test]
    fn the_newest_forms_are_kept_for_a_day() {
        let directory = tempfile::tempdir().expect("a directory");
        let forms = KeptForms::new(directory.path());
        let keep = |who: &str, seconds_ago: u64| {
            let address = forms.keep(who, &texts("Ada")).expect("kept");
            let secret = BASE64_URL_SAFE_NO_PAD.decode(&address).expect("bytes");
            let path = forms.path(who, &secret);
            let file = fs::File::options().append(true).open(path);
            let file = file.expect("a file");
            let then = SystemTime::now() - Duration::from_secs(seconds_ago);
            file.set_modified(then).expect("set");
            address
        };
        let old = keep("ben", 25 * 3_600);
        let young = keep("ben", 23 * 3_600);
        let first = keep("ann", 1_000);
        let second = keep("ann", 999);
        for nth in 2..=PER_PERSON_MAX as u64 {
            keep("ann", 1_000 - nth);
        }
        assert!(forms.find("ben", &old).is_none());
        assert!(forms.find("ben", &young).is_some());
        assert!(forms.find("ann", &first).is_none());
        assert!(forms.find("ann", &second).is_some());
    }
}
