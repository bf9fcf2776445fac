//! The form of a blob: frames in a row, then an end mark. Each has a header and a checksum that
//! covers the name of the blob and the offset. Version 1 is frozen. The version byte identifies it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use crate::journal::FRAME_BYTES_MAX;
use crate::journal::sealed::{self, Fields, SEAL_BYTES};

const VERSION: u8 = 1;
const FRAME: u8 = 1;
const END: u8 = 2;
const HEADER_BYTES: usize = 1 + 1 + 4;

/// The size of the end mark, in bytes.
pub(in crate::journal) const END_BYTES: usize = HEADER_BYTES + SEAL_BYTES;

/// The size of a frame in its blob, in bytes.
pub(in crate::journal) fn frame_bytes(frame: usize) -> usize {
    frame + END_BYTES
}

fn encode(kind: u8, frame: &[u8], name: &str, offset: u64) -> Option<Vec<u8>> {
    let mut record = Vec::with_capacity(frame_bytes(frame.len()));
    record.extend_from_slice(&[VERSION, kind]);
    record.extend_from_slice(&u32::try_from(frame.len()).ok()?.to_le_bytes());
    record.extend_from_slice(frame);
    sealed::seal(&mut record, sealed::seed(name, offset));
    Some(record)
}

/// A frame as it is stored at `offset`. `None` if it is over every limit.
pub(in crate::journal) fn encode_frame(frame: &[u8], name: &str, offset: u64) -> Option<Vec<u8>> {
    encode(FRAME, frame, name, offset)
}

/// The end mark as it is stored at `offset`.
pub(in crate::journal) fn encode_end(name: &str, offset: u64) -> Option<Vec<u8>> {
    encode(END, &[], name, offset)
}

/// Reads one frame that is stored at `offset`, without anything after it. `None` for the end mark.
/// The error says what is wrong.
pub(in crate::journal) fn decode(
    stored: &Bytes,
    name: &str,
    offset: u64,
) -> Result<Option<Bytes>, &'static str> {
    let record = sealed::unseal(stored, sealed::seed(name, offset))
        .ok_or("a frame's checksum does not match")?;
    let mut fields = Fields(record);
    let (version, kind, bytes) = (fields.u8(), fields.u8(), fields.u32());
    if version != Some(VERSION) {
        return Err("a frame has a form that this server does not know");
    }
    if bytes.map(|bytes| bytes as usize) != Some(fields.0.len()) {
        return Err("a frame's length does not match");
    }
    match kind {
        Some(FRAME) => Ok(Some(stored.slice(HEADER_BYTES..stored.len() - SEAL_BYTES))),
        Some(END) => Ok(None),
        _ => Err("a frame has a kind that this server does not know"),
    }
}

/// What is wrong at an offset.
pub(super) enum ReadError {
    /// The error of the file system.
    Io(io::Error),
    /// The bytes are not those that were written.
    Damaged(&'static str),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Damaged("it ends too early")
        } else {
            Self::Io(error)
        }
    }
}

/// The frame at `offset`, and the offset after it. `None` at the end mark.
pub(super) fn read_frame(
    file: &File,
    name: &str,
    offset: u64,
) -> Result<Option<(Bytes, u64)>, ReadError> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, offset)?;
    let mut fields = Fields(&header);
    let (version, kind, bytes) = (
        fields.u8(),
        fields.u8(),
        fields.u32().unwrap_or_default() as usize,
    );
    if version != Some(VERSION) {
        return Err(ReadError::Damaged(
            "no frame begins there, or in a form that this server does not know",
        ));
    }
    if bytes > FRAME_BYTES_MAX {
        return Err(ReadError::Damaged("a frame's length is over the limit"));
    }
    let mut sealed = vec![0; frame_bytes(bytes)];
    file.read_exact_at(&mut sealed, offset)?;
    sealed::unseal(&sealed, sealed::seed(name, offset))
        .ok_or(ReadError::Damaged("a frame's checksum does not match"))?;
    let next = offset + sealed.len() as u64;
    match kind {
        Some(FRAME) => Ok(Some((
            Bytes::from(sealed).slice(HEADER_BYTES..HEADER_BYTES + bytes),
            next,
        ))),
        Some(END) if file.metadata()?.len() == next => Ok(None),
        _ => Err(ReadError::Damaged("it continues after its end mark")),
    }
}
