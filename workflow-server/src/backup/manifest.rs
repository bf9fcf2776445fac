//! The manifest of one backup: its source, and every file with its size and checksum. It is text
//! that operators can read, and has its own checksum.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::{BackupError, journal_range};
use crate::journal::{Disk, Position, files};
use crate::ledger::capture::snapshot_sequence;

/// The format of manifests and files that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// The beginning of the line with the checksum.
const CHECKSUM: &str = "checksum = ";

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format.
    pub format: u32,
    /// Its number in its directory; a later backup has a higher one.
    pub generation: u32,
    /// The epoch of the store that was copied.
    pub epoch: String,
    /// The sequence of the copied state.
    pub sequence: u64,
    /// The journal's chain hash at that sequence.
    #[serde(with = "hex")]
    pub chain: u64,
    /// The time of the entry at that sequence, in milliseconds since 1970.
    pub at_millis: i64,
    /// When it was made, by the server's clock, in milliseconds since 1970.
    pub created_at_millis: i64,
    /// The version of the server that sent it.
    pub server_version: String,
    /// Erasures that were not done at that sequence.
    pub unfinished_erasures: Vec<u64>,
    /// Its files, by name.
    pub files: Vec<ManifestFile>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name in the backup.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The xxh3-64 of its bytes.
    #[serde(with = "hex")]
    pub checksum: u64,
}

impl ManifestFile {
    /// The file name in `files/`. Different contents have different names.
    #[must_use]
    pub fn pool_name(&self) -> String {
        format!("{}.{:016x}", self.name, self.checksum)
    }
}

impl Manifest {
    /// The position of the copied state in the journal.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            sequence: self.sequence,
            chain: self.chain,
        }
    }

    /// The size of all of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The file with this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&ManifestFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The manifest with only the file of this name.
    pub(super) fn only(&self, name: &str) -> Self {
        Self {
            files: self.file(name).cloned().into_iter().collect(),
            ..self.clone()
        }
    }

    /// The oldest sequence that it can be restored to: the oldest snapshot, or 0 if its journal
    /// begins with the first entry.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        let names = || self.files.iter().map(|file| file.name.as_str());
        let has_beginning = names()
            .filter_map(journal_range)
            .any(|(first, _)| first == 1);
        let oldest = names().filter_map(snapshot_sequence).min();
        if has_beginning {
            0
        } else {
            oldest.unwrap_or(self.sequence)
        }
    }

    /// The manifest as text.
    ///
    /// # Errors
    /// If TOML cannot express it. This does not happen with the manifest of a store.
    pub(super) fn text(&self) -> Result<String, BackupError> {
        let mut text = toml::to_string(self).map_err(|error| {
            BackupError::Unsound(format!("the manifest cannot be written: {error}"))
        })?;
        let checksum = XxHash3_64::oneshot(text.as_bytes());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {CHECKSUM}{checksum:016x}");
        Ok(text)
    }

    pub(super) fn write(&self, dir: &Path, name: &str, disk: &dyn Disk) -> Result<(), BackupError> {
        files::replace(dir, name, self.text()?.as_bytes(), disk)
            .map_err(BackupError::io("writing", &dir.join(name)))
    }

    /// Reads a manifest and checks it.
    ///
    /// # Errors
    /// [`BackupError::Damaged`], [`BackupError::NewerFormat`].
    pub(super) fn read(path: &Path) -> Result<Self, BackupError> {
        let bytes = fs::read(path).map_err(BackupError::io("reading", path))?;
        let body = checked(&bytes)
            .ok_or_else(|| BackupError::damaged(path, "its checksum does not match"))?;
        let manifest: Self =
            toml::from_str(body).map_err(|error| BackupError::damaged(path, error.to_string()))?;
        if manifest.format > FORMAT {
            let place = path.display().to_string();
            return Err(BackupError::NewerFormat {
                place,
                format: manifest.format,
                known: FORMAT,
            });
        }
        Ok(manifest)
    }
}

fn checked(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (body, last) = text.split_at(text.rfind(&format!("# {CHECKSUM}"))?);
    let checksum = XxHash3_64::oneshot(body.as_bytes());
    (last == format!("# {CHECKSUM}{checksum:016x}\n")).then_some(body)
}

/// Writes 64-bit numbers as hex digits, because integers of TOML have a sign.
mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes the field by reference"
    )]
    pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{number:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        u64::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |name: &str| ManifestFile {
            name: name.to_owned(),
            bytes: 3,
            checksum: u64::MAX,
        };
        Manifest {
            format: FORMAT,
            generation: 3,
            epoch: "e".repeat(32),
            sequence: 40,
            chain: u64::MAX - 1,
            at_millis: 5,
            created_at_millis: 6,
            server_version: "0.1.0".to_owned(),
            unfinished_erasures: vec![7],
            files: vec![file("identity"), file("snapshot-00000000000000000020")],
        }
    }

    #[test]
    fn a_flipped_bit_in_a_manifest_is_detected() {
        let text = manifest().text().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        fs::write(&path, &text).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), manifest());
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert_eq!(checked(&bytes), None, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_manifest_of_a_newer_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let newer = Manifest {
            format: FORMAT + 1,
            ..manifest()
        };
        newer
            .write(dir.path(), "m", &crate::journal::RealDisk)
            .unwrap();
        let error = Manifest::read(&dir.path().join("m")).unwrap_err();
        assert!(
            matches!(
                error,
                BackupError::NewerFormat {
                    format: 2,
                    known: 1,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn the_oldest_point_is_the_oldest_snapshot_or_the_beginning() {
        let mut manifest = manifest();
        assert_eq!(manifest.oldest(), 20);
        manifest.files.push(ManifestFile {
            name: crate::backup::journal_name(1, 40),
            bytes: 1,
            checksum: 0,
        });
        assert_eq!(manifest.oldest(), 0);
    }
}
