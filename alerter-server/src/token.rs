//! Resume tokens: the place of a stream, its filter and its history.
//!
//! Promise: a token means the same to every alerter of the same store, and one that was
//! changed by accident is refused. It protects against mistakes only: it holds no secret and grants
//! nothing. Tokens are
//! opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use twox_hash::XxHash3_64;

use crate::limits::TOKEN_CHARACTERS_MAX;
use crate::position::Position;

/// The form of tokens that this server writes, and the only one that it reads.
const VERSION: u8 = 1;

/// Version, four words, checksum.
const LENGTH: usize = 1 + 4 * 8 + 4;

/// The place of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The hash of the store's epoch.
    pub(crate) epoch: u64,
    /// The last entry that was handled.
    pub(crate) position: Position,
    /// The hash of the filter.
    pub(crate) filter: u64,
}

/// A text that is no token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token that an alerter-server of this version gave out")]
pub(crate) struct MalformedToken;

impl Token {
    /// The token as clients carry it.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        for word in [
            self.epoch,
            self.position.sequence,
            self.position.chain,
            self.filter,
        ] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(&checksum(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that a client gave.
    pub(crate) fn decode(text: &str) -> Result<Self, MalformedToken> {
        if text.len() > TOKEN_CHARACTERS_MAX {
            return Err(MalformedToken);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedToken)?;
        let (body, sum) = bytes.split_at_checked(LENGTH - 4).ok_or(MalformedToken)?;
        if sum != checksum(body) || body.first() != Some(&VERSION) {
            return Err(MalformedToken);
        }
        let mut words = body[1..]
            .chunks_exact(8)
            .map(|word| word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        let mut word = || words.next().ok_or(MalformedToken);
        Ok(Self {
            epoch: word()?,
            position: Position {
                sequence: word()?,
                chain: word()?,
            },
            filter: word()?,
        })
    }
}

/// The hash by which tokens name an epoch.
pub(crate) fn epoch_hash(epoch: &str) -> u64 {
    XxHash3_64::oneshot(epoch.as_bytes())
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let [.., a, b, c, d] = XxHash3_64::oneshot(bytes).to_be_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_comes_back_as_it_was(epoch: u64, sequence: u64, chain: u64, filter: u64) {
            let token = Token { epoch, position: Position { sequence, chain }, filter };
            prop_assert_eq!(Token::decode(&token.encode()), Ok(token));
        }

        #[test]
        fn a_token_with_one_changed_character_is_refused(sequence: u64, at in 0..49_usize, to in "[A-Za-z0-9_-]") {
            let text = Token { epoch: 7, position: Position { sequence, chain: 9 }, filter: 3 }.encode();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert_eq!(Token::decode(&changed), Err(MalformedToken));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in [
            "",
            "x",
            "====",
            "AAAA",
            &"A".repeat(50),
            &"A".repeat(100_000),
        ] {
            assert_eq!(Token::decode(text), Err(MalformedToken), "{text:.60}");
        }
    }
}
