//! The form of a file of a backup: frames in a row, each with its length in four bytes before it.
//! The manifest has a checksum of the whole file.

use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::{BufMut as _, Bytes, BytesMut};
use twox_hash::XxHash3_64;

use crate::journal::{FRAME_BYTES_MAX, Group};

/// The size of the length before a frame, in bytes.
pub(super) const LENGTH_BYTES: usize = 4;
/// The size of the header before the entries of a group, in bytes.
const GROUP_HEADER_BYTES: usize = 4 * 8;
/// How many bytes of a file are read at a time for its checksum.
const READ_BYTES: usize = 1 << 20;

/// Adds a frame. The journal's limits ensure that the length fits into four bytes.
pub(super) fn put(to: &mut BytesMut, frame: &[u8]) {
    to.put_u32_le(u32::try_from(frame.len()).unwrap_or(u32::MAX));
    to.put_slice(frame);
}

/// Hashes a frame in the form that [`put`] writes.
pub(super) fn hash(hasher: &mut XxHash3_64, frame: &[u8]) {
    hasher.write(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
    hasher.write(frame);
}

/// The frame at an offset, and the offset of the next. `None` at the end of the file.
pub(super) fn read_at(file: &File, offset: u64) -> io::Result<Option<(Bytes, u64)>> {
    let mut length = [0; LENGTH_BYTES];
    match file.read_exact_at(&mut length, offset) {
        Ok(()) => {}
        Err(error)
            if error.kind() == io::ErrorKind::UnexpectedEof && file.metadata()?.len() == offset =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let bytes = u32::from_le_bytes(length) as usize;
    if bytes > FRAME_BYTES_MAX + GROUP_HEADER_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the length of a frame is over the limit",
        ));
    }
    let mut frame = vec![0; bytes];
    file.read_exact_at(&mut frame, offset + LENGTH_BYTES as u64)?;
    Ok(Some((frame.into(), offset + (LENGTH_BYTES + bytes) as u64)))
}

/// All frames of a small file.
pub(super) fn read_all(path: &Path) -> io::Result<Vec<Bytes>> {
    let (file, mut frames, mut offset) = (File::open(path)?, Vec::new(), 0);
    while let Some((frame, next)) = read_at(&file, offset)? {
        frames.push(frame);
        offset = next;
    }
    Ok(frames)
}

/// Encodes a group of the journal as a frame.
pub(super) fn group_frame(group: &Group) -> Bytes {
    let mut frame = BytesMut::with_capacity(GROUP_HEADER_BYTES + group.bytes.len());
    for number in [group.first, group.last, group.chain_before, group.chain] {
        frame.put_u64_le(number);
    }
    frame.put_slice(&group.bytes);
    frame.freeze()
}

/// Decodes the group in a frame. `None` if the frame is too short.
pub(super) fn read_group(frame: &Bytes) -> Option<Group> {
    let number = |at: usize| {
        let bytes = frame.get(at * 8..(at + 1) * 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let (first, last, chain_before, chain) = (number(0)?, number(1)?, number(2)?, number(3)?);
    Some(Group {
        first,
        last,
        chain_before,
        chain,
        bytes: frame.slice(GROUP_HEADER_BYTES..),
    })
}

/// The size of a file and the xxh3-64 of its bytes.
pub(super) fn sum_of(path: &Path) -> io::Result<(u64, u64)> {
    let (mut file, mut hasher) = (File::open(path)?, XxHash3_64::new());
    let (mut buffer, mut bytes) = (vec![0; READ_BYTES], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hasher.finish()));
        }
        hasher.write(&buffer[..read]);
        bytes += read as u64;
    }
}
