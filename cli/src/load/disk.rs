//! The disk's own time: 4 KiB appended and synced, again and again, where the server keeps its
//! data.
//!
//! Promise: the file has no name and is gone with this process. Must not: touch the store's files.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::errors::Failure;
use crate::load::measured::Measured;
use crate::output::remark;

const WRITES: u32 = 200;
const BLOCK: [u8; 4096] = [0x5a; 4096];

/// Measures the filesystem of a directory; none where this machine does not have it (a server
/// elsewhere).
pub(crate) async fn measure(directory: &str) -> Option<Measured> {
    let directory = PathBuf::from(directory);
    let outcome = tokio::task::spawn_blocking(move || append_and_sync(&directory)).await;
    match outcome {
        Ok(Ok(measured)) => Some(measured),
        Ok(Err(failure)) => {
            remark(&format!(
                "The server's disk cannot be measured from here: {failure}"
            ));
            None
        }
        Err(_) => None,
    }
}

fn append_and_sync(directory: &Path) -> Result<Measured, Failure> {
    let mut measured = Measured::new()?;
    let mut file = nameless(directory)?;
    // Room is made first, as the store makes it: otherwise each sync would pay for the file's
    // growth.
    for _ in 0..WRITES {
        file.write_all(&BLOCK)?;
    }
    file.sync_all()?;
    file.rewind()?;
    let begin = Instant::now();
    for _ in 0..WRITES {
        let sent = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        measured.record(sent.elapsed());
    }
    measured.elapsed = begin.elapsed();
    Ok(measured)
}

/// A file in the same filesystem: beside the store if that may be written, so that the store's
/// directory stays its own.
fn nameless(directory: &Path) -> io::Result<File> {
    tempfile::tempfile_in(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_write_is_measured_and_no_file_remains() {
        let directory = tempfile::tempdir().unwrap();
        let measured = measure(directory.path().to_str().unwrap()).await.unwrap();
        assert_eq!(measured.answered(), u64::from(WRITES));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_missing_directory_has_no_figure() {
        assert!(measure("/there/is/no/such/directory").await.is_none());
    }
}
