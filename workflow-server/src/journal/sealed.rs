//! Checked bytes: a record with its checksum (xxh3-64, seeded) behind it.
//!
//! The seed ties a record to its place, so that a good record in the wrong place is found out too.
//! Nothing else in the journal makes or checks a checksum.

use twox_hash::XxHash3_64;

/// Bytes that [`seal`] adds.
pub(crate) const SEAL_BYTES: usize = 8;

/// A seed for records that belong to a name and an offset in it.
pub(crate) fn seed(name: &str, offset: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(offset, name.as_bytes())
}

/// Appends the checksum of all of `record`.
pub(crate) fn seal(record: &mut Vec<u8>, seed: u64) {
    let checksum = XxHash3_64::oneshot_with_seed(seed, record);
    record.extend_from_slice(&checksum.to_le_bytes());
}

/// The record without its checksum; `None` if it does not fit.
pub(crate) fn unseal(sealed: &[u8], seed: u64) -> Option<&[u8]> {
    let (record, checksum) = sealed.split_last_chunk::<SEAL_BYTES>()?;
    (XxHash3_64::oneshot_with_seed(seed, record) == u64::from_le_bytes(*checksum)).then_some(record)
}

/// Takes little-endian numbers off the front of a record.
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
