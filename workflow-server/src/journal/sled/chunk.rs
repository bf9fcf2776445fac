//! The stored form of a group: one or more chunks. Each chunk is a value with a header and a
//! checksum.
//!
//! Keys sort by sequence, then by chunk. The base record holds the position before the oldest
//! group. Version 1 of both forms is frozen. A change needs a new version byte, and the server must
//! read both.

use bytes::{Bytes, BytesMut};

use crate::journal::sealed::{self, Fields, SEAL_BYTES};
use crate::journal::{Group, Position, VALUE_BYTES_MAX};

const VERSION: u8 = 1;
/// The prefix of the keys of groups.
pub(super) const GROUPS: &[u8] = b"g";
/// The key of the base record.
pub(super) const BASE: &[u8] = b"b";

const HEADER_BYTES: usize = 1 + 4 * 8 + 4 + 2 + 2;
const CHUNK_BYTES_MAX: usize = VALUE_BYTES_MAX - HEADER_BYTES - SEAL_BYTES;

/// The key of a chunk of the group that begins at `first`.
pub(super) fn key(first: u64, index: u16) -> [u8; 11] {
    let mut key = [0; 11];
    key[0] = GROUPS[0];
    key[1..9].copy_from_slice(&first.to_be_bytes());
    key[9..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The first sequence of the group that a key belongs to.
pub(super) fn first_of(key: &[u8]) -> Option<u64> {
    let (first, _index) = key.strip_prefix(GROUPS)?.split_first_chunk::<8>()?;
    Some(u64::from_be_bytes(*first))
}

/// The number of chunks of a group of this size. At least one.
pub(super) fn chunks(bytes: usize) -> usize {
    bytes.div_ceil(CHUNK_BYTES_MAX).max(1)
}

/// The keys and values of a group. `None` if the group is over the size limit of every log.
pub(super) fn encode(group: &Group) -> Option<Vec<([u8; 11], Vec<u8>)>> {
    let count = u16::try_from(chunks(group.bytes.len())).ok()?;
    let total = u32::try_from(group.bytes.len()).ok()?;
    let encode = |index: u16| {
        let from = usize::from(index) * CHUNK_BYTES_MAX;
        let part = &group.bytes[from..group.bytes.len().min(from + CHUNK_BYTES_MAX)];
        let mut value = Vec::with_capacity(HEADER_BYTES + part.len() + SEAL_BYTES);
        value.push(VERSION);
        for number in [group.first, group.last, group.chain_before, group.chain] {
            value.extend_from_slice(&number.to_le_bytes());
        }
        value.extend_from_slice(&total.to_le_bytes());
        value.extend_from_slice(&count.to_le_bytes());
        value.extend_from_slice(&index.to_le_bytes());
        value.extend_from_slice(part);
        sealed::seal(&mut value, 0);
        (key(group.first, index), value)
    };
    Some((0..count).map(encode).collect())
}

/// One chunk after reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    first: u64,
    last: u64,
    chain_before: u64,
    chain: u64,
    total: u32,
    pub(super) count: u16,
    index: u16,
    part: Bytes,
}

/// Reads one value. The error says what is wrong.
pub(super) fn decode(stored_key: &[u8], value: &[u8]) -> Result<Chunk, String> {
    let record = sealed::unseal(value, 0).ok_or("its checksum does not match")?;
    let mut fields = Fields(record);
    let version = fields.u8().ok_or("it is empty")?;
    if version != VERSION {
        return Err(format!(
            "its form has version {version}, which this server does not know"
        ));
    }
    let chunk = chunk(&mut fields).ok_or("it is too short")?;
    if stored_key != key(chunk.first, chunk.index) {
        return Err("it has another group's key".to_owned());
    }
    Ok(chunk)
}

fn chunk(fields: &mut Fields<'_>) -> Option<Chunk> {
    Some(Chunk {
        first: fields.u64()?,
        last: fields.u64()?,
        chain_before: fields.u64()?,
        chain: fields.u64()?,
        total: fields.u32()?,
        count: fields.u16()?,
        index: fields.u16()?,
        part: Bytes::copy_from_slice(fields.0),
    })
}

/// Joins the chunks of a group, in their order.
pub(super) fn join(chunks: &[Chunk]) -> Result<Group, String> {
    let head = chunks.first().ok_or("it has no chunks")?;
    let fits = |(index, chunk): (usize, &Chunk)| {
        usize::from(chunk.index) == index
            && (chunk.last, chunk.chain_before, chunk.chain)
                == (head.last, head.chain_before, head.chain)
            && (chunk.total, chunk.count) == (head.total, head.count)
    };
    if chunks.len() != usize::from(head.count) || !chunks.iter().enumerate().all(fits) {
        return Err("some of its chunks are missing or of another group".to_owned());
    }
    let bytes = match chunks {
        [only] => only.part.clone(),
        many => {
            let mut bytes = BytesMut::with_capacity(head.total as usize);
            many.iter()
                .for_each(|chunk| bytes.extend_from_slice(&chunk.part));
            bytes.freeze()
        }
    };
    if bytes.len() != head.total as usize || head.last < head.first {
        return Err("its header does not fit its bytes".to_owned());
    }
    Ok(Group {
        first: head.first,
        last: head.last,
        chain_before: head.chain_before,
        chain: head.chain,
        bytes,
    })
}

/// The stored form of the base record.
pub(super) fn encode_base(base: Position) -> Vec<u8> {
    let mut record = vec![VERSION];
    record.extend_from_slice(&base.sequence.to_le_bytes());
    record.extend_from_slice(&base.chain.to_le_bytes());
    sealed::seal(&mut record, sealed::seed("base", 0));
    record
}

/// Reads the base record.
pub(super) fn decode_base(value: &[u8]) -> Result<Position, String> {
    let record = sealed::unseal(value, sealed::seed("base", 0))
        .ok_or("the base record's checksum does not match")?;
    let mut fields = Fields(record);
    match (fields.u8(), fields.u64(), fields.u64()) {
        (Some(VERSION), Some(sequence), Some(chain)) => Ok(Position { sequence, chain }),
        _ => Err("the base record has a form that this server does not know".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(bytes: usize) -> Group {
        let bytes = (0..bytes)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        Group {
            first: 5,
            last: 9,
            chain_before: 3,
            chain: 4,
            bytes,
        }
    }

    #[test]
    fn a_group_of_any_size_fits_into_bounded_values() {
        for bytes in [0, 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1, 4 << 20] {
            let stored = encode(&group(bytes)).unwrap();
            assert!(
                stored
                    .iter()
                    .all(|(_, value)| value.len() <= VALUE_BYTES_MAX)
            );
            assert!(stored.is_sorted_by_key(|(key, _)| *key));
            let chunks: Vec<_> = stored
                .iter()
                .map(|(key, value)| decode(key, value).unwrap())
                .collect();
            assert_eq!(join(&chunks).unwrap(), group(bytes));
        }
    }

    #[test]
    fn a_missing_doubled_or_foreign_chunk_is_detected() {
        let decoded = |group: &Group| -> Vec<Chunk> {
            encode(group)
                .unwrap()
                .iter()
                .map(|(key, value)| decode(key, value).unwrap())
                .collect()
        };
        let whole = group(3 * CHUNK_BYTES_MAX);
        assert!(join(&decoded(&whole)[..2]).is_err());
        assert!(join(&decoded(&whole)[1..]).is_err());
        let mut mixed = decoded(&whole);
        mixed[1] = decoded(&Group { chain: 8, ..whole }).remove(1);
        assert!(join(&mixed).is_err());
        assert!(join(&[]).is_err());
    }

    #[test]
    fn the_stored_form_of_version_1_does_not_change() {
        let stored = encode(&Group {
            first: 1,
            last: 2,
            chain_before: 3,
            chain: 4,
            bytes: Bytes::from_static(b"ab"),
        });
        let (key, value) = stored.unwrap().remove(0);
        assert_eq!(key, *b"g\0\0\0\0\0\0\0\x01\0\0");
        let head: Vec<u8> = [
            &[1_u8][..],
            &1_u64.to_le_bytes(),
            &2_u64.to_le_bytes(),
            &3_u64.to_le_bytes(),
            &4_u64.to_le_bytes(),
            &[2, 0, 0, 0],
            &[1, 0],
            &[0, 0],
            b"ab",
        ]
        .concat();
        assert_eq!(value[..value.len() - SEAL_BYTES], head);
        assert_eq!(
            value[value.len() - SEAL_BYTES..],
            twox_hash::XxHash3_64::oneshot(&head).to_le_bytes()
        );
    }

    #[test]
    fn a_value_with_another_key_or_version_is_refused() {
        let (right, value) = encode(&group(3)).unwrap().remove(0);
        assert!(decode(&right, &value).is_ok());
        assert!(
            decode(&key(6, 0), &value)
                .unwrap_err()
                .contains("another group's key")
        );
        let mut newer = value[..value.len() - SEAL_BYTES].to_vec();
        newer[0] = 2;
        sealed::seal(&mut newer, 0);
        assert!(decode(&right, &newer).unwrap_err().contains("version 2"));
    }
}
