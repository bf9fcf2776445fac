//! The disk, as far as durability goes: syncs and free space.
//!
//! Production hands in [`RealDisk`]. Tests hand in one that records, skips or fails, which is how power cuts and failed
//! syncs are tested without a switch in the journal. Reading and writing go to the files directly, not through here.

use std::{fs::File, io, path::Path};

/// Where syncs and free-space questions go. `path` names what `file` is; it is for implementations that record.
pub trait Disk: Send + Sync {
    /// Makes the file's bytes and length durable (`fdatasync`).
    fn sync_data(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes the file durable with all that belongs to it (`fsync`).
    fn sync_all(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable: what was created, renamed or removed there.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Bytes that this process may still write on the disk that holds `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
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
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let space = rustix::fs::statvfs(path)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}
