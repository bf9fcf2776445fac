//! Records with a checksum (xxh3-64, seeded) at their end.
//!
//! The seed ties a record to its position. A valid record at the wrong position is therefore an
//! error too. All checksums of the journal are made and checked here.

use twox_hash::XxHash3_64;

/// The number of bytes that [`seal`] adds.
pub(crate) const SEAL_BYTES: usize = 8;

/// The seed for a record that belongs to a name and an offset.
pub(crate) fn seed(name: &str, offset: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(offset, name.as_bytes())
}

/// Appends the checksum of the whole `record`.
pub(crate) fn seal(record: &mut Vec<u8>, seed: u64) {
    let checksum = XxHash3_64::oneshot_with_seed(seed, record);
    record.extend_from_slice(&checksum.to_le_bytes());
}

/// The record without its checksum. `None` if the checksum does not match.
pub(crate) fn unseal(sealed: &[u8], seed: u64) -> Option<&[u8]> {
    let (record, checksum) = sealed.split_last_chunk::<SEAL_BYTES>()?;
    (XxHash3_64::oneshot_with_seed(seed, record) == u64::from_le_bytes(*checksum)).then_some(record)
}

/// Reads little-endian numbers from the front of a record.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take::<2>().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take::<4>().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take::<8>().map(u64::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_or_truncated_record_breaks_its_seal() {
        let mut record = b"paid".to_vec();
        seal(&mut record, seed("a", 7));
        assert_eq!(unseal(&record, seed("a", 7)), Some(&b"paid"[..]));
        assert_eq!(unseal(&record, seed("a", 8)), None);
        assert_eq!(unseal(&record, seed("b", 7)), None);
        assert_eq!(unseal(&record[1..], seed("a", 7)), None);
        assert_eq!(unseal(&record[..3], seed("a", 7)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_flipped_bit_breaks_the_seal(bytes in proptest::collection::vec(0u8.., 0..64), at in 0usize.., bit in 0u8..8) {
            let mut record = bytes;
            seal(&mut record, 1);
            let at = at % record.len();
            record[at] ^= 1 << bit;
            proptest::prop_assert!(unseal(&record, 1).is_none());
        }
    }
}
