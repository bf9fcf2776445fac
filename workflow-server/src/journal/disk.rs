//! The operations of the disk on which durability depends: syncs and free space.
//!
//! Production passes in [`RealDisk`]. Tests pass in a disk that records, skips or fails syncs. This
//! tests power cuts and failed syncs without a switch in the journal. Reads and writes use the
//! files directly.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::DISK_LOOK_MAX;

/// Syncs files and reports free space. `path` is the path of `file`, for implementations that
/// record it.
pub trait Disk: Send + Sync {
    /// Makes the file's bytes and length durable (`fdatasync`).
    fn sync_data(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes the file and all its metadata durable (`fsync`).
    fn sync_all(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable: all creations, renames and removals there.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// The number of bytes that this process may still write to the disk that holds `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// How long a check of the disk stays valid. A check reads the free space and the files that
    /// sled has made.
    fn recheck_after(&self) -> Duration {
        Duration::ZERO
    }
}

/// The disk of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn sync_data(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        when_descriptors_are_free(|| File::open(path))?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let space = rustix::fs::statvfs(path)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn recheck_after(&self) -> Duration {
        DISK_LOOK_MAX
    }
}

/// How long opening a file waits for a free file descriptor. Shorter than the time after which a
/// slow commit ends the process.
const DESCRIPTOR_WAIT: Duration = Duration::from_secs(5);
const DESCRIPTOR_RETRY: Duration = Duration::from_millis(20);

/// Whether the process or the system has too many open files. The disk is then not the cause.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Retries an open until there is a free file descriptor. The process frees some all the time.
/// Blocks.
pub(crate) fn when_descriptors_are_free<T>(
    mut open: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let give_up = Instant::now() + DESCRIPTOR_WAIT;
    loop {
        match open() {
            Err(error) if is_out_of_descriptors(&error) && Instant::now() < give_up => {
                std::thread::sleep(DESCRIPTOR_RETRY);
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_waits_only_for_a_free_descriptor() {
        let mut answers = vec![Ok(7), Err(Errno::NFILE), Err(Errno::MFILE)];
        let opened = when_descriptors_are_free(|| Ok(answers.pop().unwrap()?));
        assert_eq!(opened.unwrap(), 7);
        let mut times = 0;
        let refused: io::Result<()> = when_descriptors_are_free(|| {
            times += 1;
            Err(Errno::IO.into())
        });
        assert_eq!(
            (refused.unwrap_err().raw_os_error(), times),
            (Some(Errno::IO.raw_os_error()), 1)
        );
    }
}
