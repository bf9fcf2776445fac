//! A file that is read again when it changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use thiserror::Error;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// Its content is invalid.
    #[error("{} has an error: {reason}", path.display())]
    Content {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads the text of a file.
type Read<T> = fn(&str) -> Result<T, String>;

/// A file's content, as far as it was valid.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    path: PathBuf,
    read: Read<T>,
    current: ArcSwap<T>,
    /// The text that was read last, valid or not: an error is reported once.
    text: Mutex<String>,
}

impl<T> Watched<T> {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`FileError`].
    pub(crate) fn open(path: &Path, read: Read<T>) -> Result<Self, FileError> {
        let text = text_of(path)?;
        let value = read(&text).map_err(|reason| content(path, reason))?;
        Ok(Self {
            path: path.to_owned(),
            read,
            current: ArcSwap::from_pointee(value),
            text: Mutex::new(text),
        })
    }

    /// The last valid content.
    pub(crate) fn current(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Reads the file again; returns whether its content is new and valid. The old content is kept
    /// if the new one is not.
    ///
    /// # Errors
    /// [`FileError`]; each invalid content once.
    pub(crate) fn look(&self) -> Result<bool, FileError> {
        let text = text_of(&self.path)?;
        let mut last = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == text {
            return Ok(false);
        }
        last.clone_from(&text);
        let value = (self.read)(&text).map_err(|reason| content(&self.path, reason))?;
        self.current.store(Arc::new(value));
        Ok(true)
    }
}

fn text_of(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|error| FileError::Read {
        path: path.to_owned(),
        error,
    })
}

fn content(path: &Path, reason: String) -> FileError {
    FileError::Content {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<u32, String> {
        text.trim().parse().map_err(|_| "no number".to_owned())
    }

    #[test]
    fn an_invalid_file_keeps_the_old_content() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        assert!(matches!(
            Watched::open(&path, number),
            Err(FileError::Read { .. })
        ));
        std::fs::write(&path, "1").expect("written");
        let file = Watched::open(&path, number).expect("a number");
        assert!(!file.look().expect("valid"));
        std::fs::write(&path, "x").expect("written");
        assert!(file.look().is_err());
        assert!(!file.look().expect("it was reported"), "reported twice");
        assert_eq!(*file.current(), 1);
        std::fs::write(&path, "2").expect("written");
        assert!(file.look().expect("valid"));
        assert_eq!(*file.current(), 2);
    }
}
