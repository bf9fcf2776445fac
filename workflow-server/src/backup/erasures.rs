//! The list of calls of erased callers, beside the generations. It is kept when generations are
//! removed, so that a restore of an older generation can erase the same calls again. It has no data
//! about callers, only the keys of the calls.

use std::collections::HashMap;
use std::fs;
use std::hash::Hasher as _;
use std::path::Path;

use aftercall_definition::time::Time;
use aftercall_engine::erasure::{ErasedCall, Erasure, ErasureState};
use bytes::{Bytes, BytesMut};
use twox_hash::XxHash3_64;

use super::{BackupError, ERASURES, Manifest, frames};
use crate::journal::{RealDisk, files};
use crate::records::{decode_erasure, encode_erasure};

/// The size of the checksum at the end, in bytes.
const CHECKSUM_BYTES: usize = 8;
/// The size of an epoch, in bytes.
const EPOCH_BYTES: usize = 32;

/// An erasure, and the store that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownErasure {
    /// The epoch of the store.
    pub epoch: String,
    /// The erasure, as the newest backup knows it.
    pub erasure: Erasure,
}

impl KnownErasure {
    /// Whether a backup may contain data of the caller, because the erasure was not done at the
    /// backup's sequence.
    #[must_use]
    pub fn is_held_by(&self, backup: &Manifest) -> bool {
        self.is_after(&backup.epoch, backup.sequence, Time(backup.at_millis))
            || (self.epoch == backup.epoch && backup.unfinished_erasures.contains(&self.erasure.id))
    }

    /// Whether the World of this epoch does not have the erasure yet at this sequence. For another
    /// epoch, this compares the times.
    pub(super) fn is_after(&self, epoch: &str, sequence: u64, at: Time) -> bool {
        if self.epoch == epoch {
            return self.erasure.id > sequence;
        }
        self.erasure.state != ErasureState::Done
            || self.erasure.ended_at.is_none_or(|ended| ended >= at)
    }
}

/// The calls of some erasures that were reported up to a moment, each once.
pub(super) fn calls_at<'k>(
    erasures: impl Iterator<Item = &'k KnownErasure>,
    at: Time,
) -> Vec<ErasedCall> {
    let mut calls: Vec<ErasedCall> = Vec::new();
    let mut places = HashMap::new();
    for call in erasures
        .flat_map(|known| known.erasure.calls.iter())
        .filter(|call| call.created_at <= at)
    {
        let place = *places
            .entry((call.key.clone(), call.created_at))
            .or_insert_with(|| {
                calls.push(ErasedCall {
                    instances: [].into(),
                    ..call.clone()
                });
                calls.len() - 1
            });
        let mut instances = calls[place].instances.to_vec();
        instances.extend(
            call.instances
                .iter()
                .filter(|id| !calls[place].instances.contains(id)),
        );
        calls[place].instances = instances.into();
    }
    calls
}

/// The list in a directory of backups. Empty if there is no list.
pub(super) fn read(dir: &Path) -> Result<Vec<KnownErasure>, BackupError> {
    let path = dir.join(ERASURES);
    let bytes = match fs::read(&path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::io("reading", &path)(error)),
    };
    let damaged = |what: &str| BackupError::damaged(&path, what);
    let body = bytes
        .len()
        .checked_sub(CHECKSUM_BYTES)
        .map(|end| bytes.slice(..end));
    let body = body.filter(|body| checksum(body)[..] == bytes[body.len()..]);
    let mut rest = body.ok_or_else(|| damaged("its checksum does not match"))?;
    let mut known = Vec::new();
    while !rest.is_empty() {
        let length = rest.split_to(frames::LENGTH_BYTES.min(rest.len()));
        let length = length[..]
            .try_into()
            .map(|bytes| u32::from_le_bytes(bytes) as usize);
        let frame = length
            .ok()
            .filter(|length| *length <= rest.len())
            .map(|length| rest.split_to(length));
        let read = frame
            .as_deref()
            .and_then(|frame| frame.split_at_checked(EPOCH_BYTES));
        let (epoch, record) = read.ok_or_else(|| damaged("a record is too short"))?;
        known.push(KnownErasure {
            epoch: String::from_utf8_lossy(epoch).into_owned(),
            erasure: decode_erasure(record)?,
        });
    }
    Ok(known)
}

/// Adds the erasures from the newest backup of a store, and replaces the older data about them.
pub(super) fn merge(dir: &Path, epoch: &str, erasures: Vec<Erasure>) -> Result<(), BackupError> {
    let mut known = read(dir)?;
    for erasure in erasures {
        let newer = KnownErasure {
            epoch: epoch.to_owned(),
            erasure,
        };
        match known
            .iter_mut()
            .find(|one| one.epoch == newer.epoch && one.erasure.id == newer.erasure.id)
        {
            Some(one) => *one = newer,
            None => known.push(newer),
        }
    }
    let mut bytes = BytesMut::new();
    for one in &known {
        frames::put(
            &mut bytes,
            &[one.epoch.as_bytes(), &encode_erasure(&one.erasure)].concat(),
        );
    }
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    files::replace(dir, ERASURES, &bytes, &RealDisk)
        .map_err(BackupError::io("writing", &dir.join(ERASURES)))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = XxHash3_64::new();
    hasher.write(bytes);
    hasher.finish().to_le_bytes()
}
