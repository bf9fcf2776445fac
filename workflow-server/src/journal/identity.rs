//! The identity of a store. It is a few lines of text with a checksum. Operators can read it, and
//! the store notices any change.

pub(super) mod stored;

use std::fmt::Write as _;

use super::{Birth, OpenError, sealed};

/// The format of the data directory that this server writes, and the newest that it reads. In
/// format 1 the identity was a file beside the vault. Format 2 had no tail file, so a server of that
/// format would not see the newest groups.
pub const FORMAT: u32 = 3;

/// The identity of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// 128 random bits in hex, made once. No other store has the same.
    pub epoch: String,
    /// The key of the request hashes.
    pub hash_key: [u8; 16],
    /// The format of the data directory.
    pub format: u32,
    /// When the store was created, in milliseconds since 1970.
    pub created_at_millis: i64,
}

impl Identity {
    pub(crate) fn new(birth: &Birth) -> Result<Self, OpenError> {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if birth.epoch.len() != 32 || !birth.epoch.chars().all(hex) {
            return Err(OpenError::BadArgument {
                what: "an epoch is 32 lower-case hex digits".to_owned(),
            });
        }
        Ok(Self {
            epoch: birth.epoch.clone(),
            hash_key: birth.hash_key,
            format: FORMAT,
            created_at_millis: birth.created_at_millis,
        })
    }

    fn parse(text: &str, format: u32) -> Option<Self> {
        let key = u128::from_str_radix(field(text, "hash_key")?, 16).ok()?;
        Some(Self {
            epoch: field(text, "epoch")?.to_owned(),
            hash_key: key.to_be_bytes(),
            format,
            created_at_millis: field(text, "created_at_millis")?.parse().ok()?,
        })
    }

    /// Parses the identity. `None` if the checksum is wrong or a line is missing.
    pub(crate) fn from_text(bytes: &[u8]) -> Option<Self> {
        let text = checked(bytes)?;
        let format = field(text, "format")?.parse().ok()?;
        Self::parse(text, format)
    }

    /// The identity as text.
    pub(crate) fn text(&self) -> String {
        let key = u128::from_be_bytes(self.hash_key);
        with_checksum(format!(
            "aftercall store\nformat: {}\nepoch: {}\nhash_key: {key:032x}\ncreated_at_millis: {}\n",
            self.format, self.epoch, self.created_at_millis
        ))
    }
}

fn with_checksum(mut text: String) -> String {
    let checksum = checksum(&text);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "checksum: {checksum:016x}");
    text
}

fn checksum(text: &str) -> u64 {
    sealed::seed(text, 0)
}

fn checked(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.rfind("checksum: ")?;
    let (body, last) = text.split_at(at);
    (last == format!("checksum: {:016x}\n", checksum(body))).then_some(body)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
