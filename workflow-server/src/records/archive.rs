//! The content of an archive chunk's file. For each call and instance it has the place in the
//! history. Its filter stays in memory, and shows whether a chunk may contain a call or an
//! instance.
//!
//! The only data about callers are keyed hashes of the terms that a caller is found by.

use aftercall_definition::time::Time;
use aftercall_engine::instance::{InstanceId, Status};
use prost::Message;
use xorf::{BinaryFuse16, Descriptor, Filter};

use super::v1::Coded;
use super::version::versioned;
use super::{RECORDS_VERSION, RecordError};

/// The largest unpacked size of a chunk: far more than the largest chunk has.
const UNPACKED_BYTES_MAX: usize = 16 << 20;
/// Compression level. High, because a chunk is written once and kept for years.
const PACK_LEVEL: i32 = 9;

/// An archived call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedCall {
    /// The keyed hash of the call's key.
    pub key: u64,
    /// Keyed hashes of the terms that its caller is found by.
    pub callers: Vec<u64>,
    /// The sequence of the newest entry with this call.
    pub sequence: u64,
    /// When it was first reported. If it has no instances, its retention counts from this time.
    pub created_at: Time,
}

/// An archived instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedInstance {
    /// Its id.
    pub id: InstanceId,
    /// The place of its workflow in the World's list.
    pub workflow: u32,
    /// The version of its workflow.
    pub version: u32,
    /// How it ended.
    pub status: Status,
    /// When it ended.
    pub ended_at: Time,
    /// The sequence of the entry that changed it last.
    pub sequence: u64,
    /// The index of its call in the chunk.
    pub call: u32,
}

/// The content of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkContent {
    /// The calls.
    pub calls: Vec<ArchivedCall>,
    /// Their instances, ordered by their end.
    pub instances: Vec<ArchivedInstance>,
}

/// Stored in columns, so that similar values are adjacent and compress well.
#[derive(Clone, PartialEq, prost::Message)]
struct ContentRecord {
    #[prost(fixed64, repeated, tag = "1")]
    call_keys: Vec<u64>,
    /// The number of hashes in `callers` for each call.
    #[prost(uint32, repeated, tag = "2")]
    caller_counts: Vec<u32>,
    #[prost(fixed64, repeated, tag = "3")]
    callers: Vec<u64>,
    #[prost(uint64, repeated, tag = "4")]
    call_sequences: Vec<u64>,
    #[prost(sint64, repeated, tag = "5")]
    call_created_at: Vec<i64>,
    #[prost(uint64, repeated, tag = "6")]
    made_at: Vec<u64>,
    #[prost(uint32, repeated, tag = "7")]
    slots: Vec<u32>,
    #[prost(uint32, repeated, tag = "8")]
    salts: Vec<u32>,
    #[prost(uint32, repeated, tag = "9")]
    workflows: Vec<u32>,
    #[prost(uint32, repeated, tag = "10")]
    versions: Vec<u32>,
    #[prost(int32, repeated, tag = "11")]
    statuses: Vec<i32>,
    /// Stored as the difference to the value before. The first is absolute.
    #[prost(sint64, repeated, tag = "12")]
    ended_at: Vec<i64>,
    /// Each is stored as the difference to `made_at`.
    #[prost(uint64, repeated, tag = "13")]
    sequences: Vec<u64>,
    #[prost(uint32, repeated, tag = "14")]
    calls: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FilterRecord {
    #[prost(fixed64, tag = "1")]
    seed: u64,
    #[prost(uint32, tag = "2")]
    segment_length: u32,
    #[prost(uint32, tag = "3")]
    segment_length_mask: u32,
    #[prost(uint32, tag = "4")]
    segment_count_length: u32,
    /// Two bytes each, the lower byte first.
    #[prost(bytes = "vec", tag = "5")]
    fingerprints: Vec<u8>,
}

/// Tests whether a chunk may contain a key. The answer no is always true. The answer yes is seldom
/// wrong.
#[derive(Debug)]
pub struct ChunkFilter(BinaryFuse16);

impl ChunkFilter {
    /// A filter of these keys.
    ///
    /// # Errors
    /// [`RecordError::Incomplete`] if these keys allow no filter.
    pub fn new(mut keys: Vec<u64>) -> Result<Self, RecordError> {
        keys.sort_unstable();
        keys.dedup();
        BinaryFuse16::try_from(&keys)
            .map(Self)
            .map_err(|_| RecordError::Incomplete("filter of a chunk"))
    }

    /// Whether the chunk may hold this key.
    #[must_use]
    pub fn may_hold(&self, key: u64) -> bool {
        self.0.contains(&key)
    }

    /// Encodes the filter.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let Descriptor {
            seed,
            segment_length,
            segment_length_mask,
            segment_count_length,
        } = self.0.descriptor;
        let fingerprints = self
            .0
            .fingerprints
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();
        let record = FilterRecord {
            seed,
            segment_length,
            segment_length_mask,
            segment_count_length,
            fingerprints,
        };
        with_version(&record)
    }

    /// Decodes a filter.
    ///
    /// # Errors
    /// [`RecordError`] if the bytes are damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = FilterRecord::decode(versioned(bytes)?)?;
        let FilterRecord {
            seed,
            segment_length,
            segment_length_mask,
            segment_count_length,
            ..
        } = record;
        let fingerprints: Box<[u16]> = record
            .fingerprints
            .chunks_exact(2)
            .map(|two| u16::from_le_bytes([two[0], two[1]]))
            .collect();
        // A lookup reads at a place below `segment_count_length`, and one and two segments after it.
        if fingerprints.len() < segment_count_length as usize + 2 * segment_length as usize {
            return Err(RecordError::Incomplete("filter of a chunk"));
        }
        let descriptor = Descriptor {
            seed,
            segment_length,
            segment_length_mask,
            segment_count_length,
        };
        Ok(Self(BinaryFuse16 {
            descriptor,
            fingerprints,
        }))
    }
}

impl ChunkContent {
    /// Encodes the content.
    ///
    /// # Errors
    /// [`RecordError::Unpack`] if the compressor fails.
    pub fn bytes(&self) -> Result<Vec<u8>, RecordError> {
        Ok(zstd::bulk::compress(
            &with_version(&self.record()),
            PACK_LEVEL,
        )?)
    }

    fn record(&self) -> ContentRecord {
        let (calls, instances) = (|| self.calls.iter(), || self.instances.iter());
        let ends = instances().map(|one| one.ended_at.0);
        let before = std::iter::once(0).chain(ends.clone());
        ContentRecord {
            call_keys: calls().map(|call| call.key).collect(),
            caller_counts: calls().map(|call| call.callers.len() as u32).collect(),
            callers: calls()
                .flat_map(|call| call.callers.iter().copied())
                .collect(),
            call_sequences: calls().map(|call| call.sequence).collect(),
            call_created_at: calls().map(|call| call.created_at.0).collect(),
            made_at: instances().map(|one| one.id.made_at).collect(),
            slots: instances().map(|one| one.id.slot).collect(),
            salts: instances().map(|one| u32::from(one.id.salt)).collect(),
            workflows: instances().map(|one| one.workflow).collect(),
            versions: instances().map(|one| one.version).collect(),
            statuses: instances().map(|one| one.status.code()).collect(),
            ended_at: ends
                .zip(before)
                .map(|(end, before)| end.wrapping_sub(before))
                .collect(),
            sequences: instances()
                .map(|one| one.sequence.wrapping_sub(one.id.made_at))
                .collect(),
            calls: instances().map(|one| one.call).collect(),
        }
    }

    /// Decodes the content.
    ///
    /// # Errors
    /// [`RecordError`] if the bytes are damaged.
    pub fn read(packed: &[u8]) -> Result<Self, RecordError> {
        let bytes = zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX)?;
        let record = ContentRecord::decode(versioned(&bytes)?)?;
        let content = Self {
            calls: calls(&record)?,
            instances: instances(&record)?,
        };
        let is_whole = content
            .instances
            .iter()
            .all(|one| (one.call as usize) < content.calls.len());
        if is_whole {
            Ok(content)
        } else {
            Err(RecordError::Incomplete("call of an archived instance"))
        }
    }
}

fn calls(record: &ContentRecord) -> Result<Vec<ArchivedCall>, RecordError> {
    let columns = [
        record.caller_counts.len(),
        record.call_sequences.len(),
        record.call_created_at.len(),
    ];
    let of_callers = record
        .caller_counts
        .iter()
        .map(|count| *count as usize)
        .sum::<usize>();
    if columns.iter().any(|len| *len != record.call_keys.len())
        || of_callers != record.callers.len()
    {
        return Err(RecordError::Incomplete("calls of a chunk"));
    }
    let mut callers = record.callers.iter().copied();
    let call = |at: usize| ArchivedCall {
        key: record.call_keys[at],
        callers: callers
            .by_ref()
            .take(record.caller_counts[at] as usize)
            .collect(),
        sequence: record.call_sequences[at],
        created_at: Time(record.call_created_at[at]),
    };
    Ok((0..record.call_keys.len()).map(call).collect())
}

fn instances(record: &ContentRecord) -> Result<Vec<ArchivedInstance>, RecordError> {
    let columns = [
        record.slots.len(),
        record.salts.len(),
        record.workflows.len(),
        record.versions.len(),
        record.statuses.len(),
        record.ended_at.len(),
        record.sequences.len(),
        record.calls.len(),
    ];
    if columns.iter().any(|len| *len != record.made_at.len()) {
        return Err(RecordError::Incomplete("instances of a chunk"));
    }
    let mut ended_at = 0_i64;
    let instance = |at: usize| {
        ended_at = ended_at.wrapping_add(record.ended_at[at]);
        let made_at = record.made_at[at];
        Ok(ArchivedInstance {
            id: InstanceId {
                made_at,
                slot: record.slots[at],
                salt: record.salts[at] as u16,
            },
            workflow: record.workflows[at],
            version: record.versions[at],
            status: Coded::from_code(record.statuses[at])?,
            ended_at: Time(ended_at),
            sequence: made_at.wrapping_add(record.sequences[at]),
            call: record.calls[at],
        })
    };
    (0..record.made_at.len()).map(instance).collect()
}

fn with_version(record: &impl Message) -> Vec<u8> {
    let mut bytes = vec![RECORDS_VERSION];
    // Writing to a Vec cannot fail: it grows.
    let _ = record.encode(&mut bytes);
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn contents() -> impl Strategy<Value = ChunkContent> {
        let call = (
            any::<u64>(),
            vec(any::<u64>(), 0..4),
            any::<u64>(),
            any::<i64>(),
        )
            .prop_map(|(key, callers, sequence, at)| ArchivedCall {
                key,
                callers,
                sequence,
                created_at: Time(at),
            });
        let statuses = prop_oneof![Just(Status::Finished), Just(Status::Cancelled)];
        let instance = (
            any::<(u64, u32, u16, u32, u32)>(),
            statuses,
            any::<i64>(),
            any::<u64>(),
            0..20_u32,
        )
            .prop_map(
                |((made_at, slot, salt, workflow, version), status, at, sequence, call)| {
                    let id = InstanceId {
                        made_at,
                        slot,
                        salt,
                    };
                    ArchivedInstance {
                        id,
                        workflow,
                        version,
                        status,
                        ended_at: Time(at),
                        sequence,
                        call,
                    }
                },
            );
        (vec(call, 1..20), vec(instance, 0..40)).prop_map(|(calls, mut instances)| {
            instances
                .iter_mut()
                .for_each(|one| one.call %= calls.len() as u32);
            ChunkContent { calls, instances }
        })
    }

    proptest! {
        #[test]
        fn a_stored_chunk_reads_back(content in contents()) {
            prop_assert_eq!(ChunkContent::read(&content.bytes().unwrap()).unwrap(), content);
        }

        #[test]
        fn a_filter_matches_its_keys_and_few_others(keys in vec(any::<u64>(), 1..300)) {
            let filter = ChunkFilter::read(&ChunkFilter::new(keys.clone()).unwrap().bytes()).unwrap();
            prop_assert!(keys.iter().all(|key| filter.may_hold(*key)));
            let strangers = (0..10_000_u64).filter(|key| !keys.contains(key) && filter.may_hold(*key)).count();
            prop_assert!(strangers < 20, "{strangers} of 10,000 other keys match");
        }
    }

    #[test]
    fn damaged_chunks_are_refused() {
        let call = ArchivedCall {
            key: 1,
            callers: vec![2, 3],
            sequence: 4,
            created_at: Time(5),
        };
        let content = ChunkContent {
            calls: vec![call],
            instances: Vec::new(),
        };
        let spoilt: [fn(&mut ContentRecord); 3] = [
            |record| record.callers.truncate(1),
            |record| record.call_sequences.clear(),
            |record| record.slots.push(1),
        ];
        for spoil in spoilt {
            let mut record = content.record();
            spoil(&mut record);
            let packed = zstd::bulk::compress(&with_version(&record), PACK_LEVEL).unwrap();
            assert!(ChunkContent::read(&packed).is_err());
        }
        let short = ChunkFilter::new(vec![1, 2, 3]).unwrap().bytes();
        assert!(ChunkFilter::read(&short[..short.len() / 2]).is_err());
    }
}
