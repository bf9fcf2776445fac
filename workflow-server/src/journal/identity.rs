//! The identity file: which store this is and in which format. A few lines of text with a checksum,
//! so that an operator can read it; any change to it is found out.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use super::lock::DirectoryLock;
use super::{Birth, Disk, LOCK_WAIT, OpenError, files, sealed};

/// The format that this server writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "identity";

/// Which store this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// 128 random bits in hex, made once: names this store and no other.
    pub epoch: String,
    /// Key of the request hashes.
    pub hash_key: [u8; 16],
    /// Format of the data directory.
    pub format: u32,
    /// When the store was created, in milliseconds since 1970.
    pub created_at_millis: i64,
}

impl Identity {
    pub(crate) fn of(birth: &Birth) -> Result<Self, OpenError> {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if birth.epoch.len() != 32 || !birth.epoch.chars().all(hex) {
            return Err(OpenError::BadArgument {
                what: "an epoch is 32 lower-case hex digits".to_owned(),
            });
        }
        Ok(Self {
            epoch: birth.epoch.clone(),
            hash_key: birth.hash_key,
            format: FORMAT,
            created_at_millis: birth.created_at_millis,
        })
    }

    pub(crate) fn write(&self, dir: &Path, disk: &dyn Disk) -> io::Result<()> {
        files::replace(dir, FILE, self.text().as_bytes(), disk)
    }

    /// `None` if there is no such file.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::io("reading", &path, &error)),
        };
        let text = checked(&bytes)
            .ok_or_else(|| OpenError::damaged(&path, "its checksum does not fit"))?;
        // The format's line and the checksum stay where they are in every later format.
        let format = field(text, "format").and_then(|format| format.parse().ok());
        let format = format.ok_or_else(|| OpenError::damaged(&path, "it names no format"))?;
        if format > FORMAT {
            return Err(OpenError::NewerFormat {
                dir: dir.display().to_string(),
                format,
                known: FORMAT,
            });
        }
        let identity = Self::parse(text, format)
            .ok_or_else(|| OpenError::damaged(&path, "a line is missing"))?;
        Ok(Some(identity))
    }

    fn parse(text: &str, format: u32) -> Option<Self> {
        let key = u128::from_str_radix(field(text, "hash_key")?, 16).ok()?;
        Some(Self {
            epoch: field(text, "epoch")?.to_owned(),
            hash_key: key.to_be_bytes(),
            format,
            created_at_millis: field(text, "created_at_millis")?.parse().ok()?,
        })
    }

    /// Replaces the epoch of the store in `dir`, which no process may be using; returns the old
    /// one.
    pub(crate) fn replace_epoch(
        dir: &Path,
        epoch: &str,
        disk: &dyn Disk,
    ) -> Result<String, OpenError> {
        // Looked for first: the lock would make a file where there is no store.
        let missing = || OpenError::NoStore {
            dir: dir.display().to_string(),
        };
        Self::read(dir)?.ok_or_else(missing)?;
        let _lock = DirectoryLock::take(dir, LOCK_WAIT)?;
        let found = Self::read(dir)?.ok_or_else(missing)?;
        let renewed = Self {
            epoch: epoch.to_owned(),
            ..found.clone()
        };
        renewed
            .write(dir, disk)
            .map_err(|error| OpenError::io("writing the identity in", dir, &error))?;
        Ok(found.epoch)
    }

    /// The identity from the text of its file; none where its checksum does not fit.
    pub(crate) fn from_text(bytes: &[u8]) -> Option<Self> {
        let text = checked(bytes)?;
        let format = field(text, "format")?.parse().ok()?;
        Self::parse(text, format)
    }

    /// The text of its file.
    pub(crate) fn text(&self) -> String {
        let key = u128::from_be_bytes(self.hash_key);
        let mut text = format!(
            "aftercall store\nformat: {}\nepoch: {}\nhash_key: {key:032x}\ncreated_at_millis: {}\n",
            self.format, self.epoch, self.created_at_millis
        );
        let checksum = checksum(&text);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "checksum: {checksum:016x}");
        text
    }
}

fn checksum(text: &str) -> u64 {
    sealed::seed(text, 0)
}

fn checked(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.rfind("checksum: ")?;
    let (body, last) = text.split_at(at);
    (last == format!("checksum: {:016x}\n", checksum(body))).then_some(body)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
