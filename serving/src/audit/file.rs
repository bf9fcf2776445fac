//! A file that is rotated by its size.
//!
//! Promise: no line is split between two files or written twice. Rotated files are `NAME.1`, the
//! newest, `NAME.2` and so on. A file that another program has moved away or removed is made again.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Who may read a new file: its owner. It names people.
const MODE: u32 = 0o600;

/// A file that is rotated.
#[derive(Debug)]
pub(super) struct RotatedFile {
    path: PathBuf,
    bytes_max: u64,
    files_max: u32,
    open: Opened,
}

#[derive(Debug)]
struct Opened {
    file: File,
    bytes: u64,
    /// Its device and its number there.
    id: (u64, u64),
}

impl RotatedFile {
    /// Opens the file, or makes it. `files_max` counts the rotated files and the file itself.
    ///
    /// # Errors
    /// If it cannot be opened for writing.
    pub(super) fn open(path: &Path, bytes_max: u64, files_max: u32) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            bytes_max,
            files_max,
            open: Opened::open(path)?,
        })
    }

    /// Writes whole lines and removes from `lines` what was written, also where it fails.
    ///
    /// # Errors
    /// If the rest cannot be written: try it again.
    pub(super) fn write(&mut self, lines: &mut Vec<u8>, is_begun: bool) -> io::Result<()> {
        // The rest of a line belongs to the file with its beginning.
        if !is_begun {
            self.choose(lines.len() as u64)?;
        }
        while !lines.is_empty() {
            match self.open.file.write(lines) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.open.bytes += written as u64;
                    lines.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Opens the file again if it is another one, and rotates it if it has no room.
    fn choose(&mut self, bytes: u64) -> io::Result<()> {
        let is_same = self.path.metadata().map(|found| id(&found) == self.open.id);
        if !is_same.unwrap_or(false) {
            self.open = Opened::open(&self.path)?;
        }
        if self.open.bytes > 0 && self.open.bytes + bytes > self.bytes_max {
            for number in (1..self.files_max.saturating_sub(1)).rev() {
                rename(&self.rotated(number), &self.rotated(number + 1))?;
            }
            rename(&self.path, &self.rotated(1))?;
            self.open = Opened::open(&self.path)?;
        }
        Ok(())
    }

    fn rotated(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Opened {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).mode(MODE).open(path)?;
        let found = file.metadata()?;
        Ok(Self {
            bytes: found.len(),
            id: id(&found),
            file,
        })
    }
}

fn id(found: &std::fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(file: &mut RotatedFile, text: &str) {
        let mut lines = text.as_bytes().to_vec();
        file.write(&mut lines, false).expect("written");
        assert_eq!(lines, b"");
    }

    fn read(dir: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(dir).expect("a folder");
        let mut files: Vec<_> = entries
            .map(|entry| {
                let entry = entry.expect("a file");
                let text = fs::read_to_string(entry.path()).expect("text");
                (entry.file_name().into_string().expect("a name"), text)
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_full_file_is_rotated_and_the_oldest_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.log");
        let mut file = RotatedFile::open(&path, 10, 3).expect("opened");
        for line in ["1\n", "22222222\n", "3333333\n", "44\n", "5555555555555\n"] {
            write(&mut file, line);
        }
        let expected = [
            ("audit.log", "5555555555555\n"),
            ("audit.log.1", "44\n"),
            ("audit.log.2", "3333333\n"),
        ];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(read(dir.path()), expected);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
    }

    #[test]
    fn a_file_that_was_moved_is_made_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.log");
        let mut file = RotatedFile::open(&path, 1_000, 3).expect("opened");
        write(&mut file, "1\n");
        fs::rename(&path, dir.path().join("moved")).expect("moved");
        write(&mut file, "2\n");
        fs::remove_file(&path).expect("removed");
        write(&mut file, "3\n");
        let texts = read(dir.path()).into_iter().map(|(_, text)| text);
        assert_eq!(texts.collect::<Vec<_>>(), ["3\n", "1\n"]);
    }

    #[test]
    fn the_rest_of_a_line_follows_its_beginning() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.log");
        let mut file = RotatedFile::open(&path, 4, 3).expect("opened");
        write(&mut file, "begin");
        file.write(&mut b"-end\n".to_vec(), true).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("text"), "begin-end\n");
    }
}
