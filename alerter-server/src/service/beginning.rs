//! How a stream begins: the table of snapshot mode × what the token is worth.
//!
//! Promise: a pure function. No token is resumed that would leave a gap, and a client that wants no
//! snapshot gets none.

use aftercall_proto::alert::v1::SnapshotMode;

use super::status::{Obstacle, Refusal};
use crate::cache::{Cache, Resumability};
use crate::filter::Filter;
use crate::position::Position;
use crate::token::Token;

/// How a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// With a snapshot.
    Snapshot,
    /// With a reset, then a snapshot.
    Reset(Obstacle),
    /// With the entries after a place.
    From(Position),
}

/// Decides how a stream begins.
pub(crate) fn beginning(
    view: &Cache,
    mode: SnapshotMode,
    token: Option<Token>,
    filter: &Filter,
) -> Result<Beginning, Refusal> {
    let never = mode == SnapshotMode::Never;
    let Some(token) = token else {
        return Ok(if never {
            Beginning::From(view.head())
        } else {
            Beginning::Snapshot
        });
    };
    match obstacle(view, &token, filter) {
        None if mode == SnapshotMode::Always => Ok(Beginning::Snapshot),
        None => Ok(Beginning::From(token.position)),
        Some(reason) if never => Err(refused(view, reason)),
        Some(reason) => Ok(Beginning::Reset(reason)),
    }
}

/// The refusal for a client that wants no snapshot but needs one.
pub(crate) fn refused(view: &Cache, reason: Obstacle) -> Refusal {
    Refusal::CannotResume {
        reason,
        oldest_sequence: view.oldest(),
        newest_sequence: view.head().sequence,
    }
}

/// Why a stream cannot resume from a place; `None` if it can.
pub(crate) fn obstacle_of(resumability: Resumability) -> Option<Obstacle> {
    match resumability {
        Resumability::Resumable => None,
        Resumability::TooOld => Some(Obstacle::TooOld),
        Resumability::FromTheFuture => Some(Obstacle::FromTheFuture),
        Resumability::OtherHistory => Some(Obstacle::OtherHistory),
    }
}

fn obstacle(view: &Cache, token: &Token, filter: &Filter) -> Option<Obstacle> {
    let resumability = view.resumability_in(filter.scope(), token.epoch, token.position);
    match obstacle_of(resumability) {
        Some(Obstacle::OtherHistory) => Some(Obstacle::OtherHistory),
        _ if token.filter != filter.hash() => Some(Obstacle::OtherFilter),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use aftercall_proto::feed::v1::FeedEntry;
    use aftercall_proto::workflow::v1::FollowUpFilter;

    use super::*;
    use crate::cache::RingLimits;
    use crate::token::epoch_hash;

    fn filter() -> Filter {
        Filter::new(FollowUpFilter::default()).unwrap()
    }

    /// Head 9, chain hash = sequence; the ring holds 7, 8, 9.
    fn view() -> Cache {
        let limits = RingLimits {
            entries_max: 3,
            bytes_max: 1 << 20,
        };
        let mut cache = Cache::new("e", 1, Position::default(), 1, limits);
        for sequence in 1..=9 {
            cache
                .append(
                    FeedEntry {
                        sequence,
                        chain: sequence,
                        ..FeedEntry::default()
                    },
                    &mut Vec::new(),
                )
                .unwrap();
        }
        cache
    }

    fn token(epoch: &str, sequence: u64, chain: u64, filter: u64) -> Token {
        Token {
            epoch: epoch_hash(epoch),
            position: Position { sequence, chain },
            filter,
        }
    }

    #[test]
    fn every_mode_and_token_begins_as_in_the_table() {
        use SnapshotMode::{Always, Auto, Never, Unspecified};
        let filter = filter();
        let bad = [
            (token("f", 8, 8, filter.hash()), Obstacle::OtherHistory),
            (token("f", 8, 8, 6), Obstacle::OtherHistory),
            (token("e", 8, 7, filter.hash()), Obstacle::OtherHistory),
            (token("e", 8, 8, 6), Obstacle::OtherFilter),
            (token("e", 10, 10, filter.hash()), Obstacle::FromTheFuture),
            (token("e", 5, 5, filter.hash()), Obstacle::TooOld),
        ];
        let view = view();
        for (token, reason) in bad {
            for mode in [Unspecified, Auto, Always] {
                assert_eq!(
                    beginning(&view, mode, Some(token), &filter),
                    Ok(Beginning::Reset(reason)),
                    "{mode:?}"
                );
            }
            let refusal = Refusal::CannotResume {
                reason,
                oldest_sequence: 6,
                newest_sequence: 9,
            };
            assert_eq!(beginning(&view, Never, Some(token), &filter), Err(refusal));
        }
        for sequence in 6..=9 {
            let good = token("e", sequence, sequence, filter.hash());
            for mode in [Unspecified, Auto, Never] {
                let from = Beginning::From(good.position);
                assert_eq!(
                    beginning(&view, mode, Some(good), &filter),
                    Ok(from),
                    "{mode:?}"
                );
            }
            assert_eq!(
                beginning(&view, Always, Some(good), &filter),
                Ok(Beginning::Snapshot)
            );
        }
        for mode in [Unspecified, Auto, Always] {
            assert_eq!(
                beginning(&view, mode, None, &filter),
                Ok(Beginning::Snapshot),
                "{mode:?}"
            );
        }
        assert_eq!(
            beginning(&view, Never, None, &filter),
            Ok(Beginning::From(view.head()))
        );
    }
}
