//! The disk, as far as durability goes: syncs and free space.
//!
//! Production hands in [`RealDisk`]. Tests hand in one that records, skips or fails, which is how
//! power cuts and failed syncs are tested without a switch in the journal. Reading and writing go
//! to the files directly, not through here.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::DISK_LOOK_MAX;

/// Where syncs and free-space questions go. `path` names what `file` is; it is for implementations
/// that record.
pub trait Disk: Send + Sync {
    /// Makes the file's bytes and length durable (`fdatasync`).
    fn sync_data(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes the file durable with all that belongs to it (`fsync`).
    fn sync_all(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable: what was created, renamed or removed there.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Bytes that this process may still write on the disk that holds `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// How long what was seen of the disk counts: its free space, and which files sled has made.
    fn looked_at_for(&self) -> Duration {
        Duration::ZERO
    }
}

/// The operating system's disk.
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

    fn looked_at_for(&self) -> Duration {
        DISK_LOOK_MAX
    }
}

/// How long opening a file waits for a free descriptor: less than a commit may take before the
/// process ends.
const DESCRIPTOR_WAIT: Duration = Duration::from_secs(5);
const DESCRIPTOR_RETRY: Duration = Duration::from_millis(20);

/// Whether the process or the system has too many files open: nothing is wrong with the disk.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Opens again until there is a free descriptor: others are freed all the time. Blocks.
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
    fn opening_waits_for_a_free_descriptor_and_for_nothing_else() {
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
