//! The stored form of a group: one row, whose body has a header and a checksum. Version 1 is frozen.
//! The version byte identifies it.

use bytes::Bytes;

use crate::journal::Group;
use crate::journal::sealed::{self, Fields, SEAL_BYTES};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 4 * 8;

/// The number of bytes that the body has more than the group.
pub(super) const EXTRA_BYTES: usize = HEADER_BYTES + SEAL_BYTES;

/// The body of the row.
pub(super) fn encode(group: &Group) -> Vec<u8> {
    let mut body = Vec::with_capacity(EXTRA_BYTES + group.bytes.len());
    body.push(VERSION);
    for number in [group.first, group.last, group.chain_before, group.chain] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    body.extend_from_slice(&group.bytes);
    sealed::seal(&mut body, 0);
    body
}

/// Reads the body of a row with these columns. The error says what is wrong.
pub(super) fn decode(first: u64, last: u64, chain: u64, body: &[u8]) -> Result<Group, String> {
    let record = sealed::unseal(body, 0).ok_or("its checksum does not match")?;
    let mut fields = Fields(record);
    match fields.u8() {
        Some(VERSION) => {}
        version => {
            let version = version.unwrap_or_default();
            return Err(format!(
                "its form has version {version}, which this server does not know"
            ));
        }
    }
    let group = group(&mut fields).ok_or("it is too short")?;
    if (group.first, group.last, group.chain) != (first, last, chain) {
        return Err("its columns do not fit its body".to_owned());
    }
    Ok(group)
}

fn group(fields: &mut Fields<'_>) -> Option<Group> {
    Some(Group {
        first: fields.u64()?,
        last: fields.u64()?,
        chain_before: fields.u64()?,
        chain: fields.u64()?,
        bytes: Bytes::copy_from_slice(fields.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_version_1_is_frozen() {
        let group = Group {
            first: 7,
            last: 8,
            chain_before: 3,
            chain: u64::MAX,
            bytes: Bytes::from_static(b"ab"),
        };
        let body = encode(&group);
        assert_eq!(body.len(), EXTRA_BYTES + 2);
        let mut expected = vec![1];
        for number in [7, 8, 3, u64::MAX] {
            expected.extend_from_slice(&number.to_le_bytes());
        }
        expected.extend_from_slice(b"ab");
        assert_eq!(body[..expected.len()], expected);
        assert_eq!(decode(7, 8, u64::MAX, &body), Ok(group));
        for at in 0..body.len() {
            let mut flipped = body.clone();
            flipped[at] ^= 1;
            assert!(decode(7, 8, u64::MAX, &flipped).is_err(), "byte {at}");
        }
        assert!(decode(7, 9, u64::MAX, &body).is_err());
    }
}
