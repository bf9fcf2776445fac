//! Every limit of the alerter-server that is not a setting, each with its reason.
//!
//! Promise: no queue, batch, wait or stream elsewhere in this crate is bounded by a number that does not stand here or
//! in the settings.

use std::time::Duration;

/// Values in one field of a filter. The proto promises it; a change is compared with each filter, so it must stay small.
pub(crate) const FILTER_VALUES_MAX: usize = 100;

/// Characters in one value of a filter: the longest name in the API (a customer, a call's id).
pub(crate) const FILTER_VALUE_CHARACTERS_MAX: usize = 128;

/// Characters of a resume token that are looked at. Ours have 50; nothing much longer was ever given out.
pub(crate) const TOKEN_CHARACTERS_MAX: usize = 128;

/// Frames that wait for one client. Enough to fill a packet or two; all else waits in the ring, which all clients share.
pub(crate) const CLIENT_FRAMES_MAX: usize = 64;

/// Entries that one client is given from one view of the ring. A slow client must not hold an old view for long,
/// because a view keeps alive what the ring has let go of.
pub(crate) const ROUND_ENTRIES_MAX: u64 = 256;

/// Entries that a client may be behind before it is told. A burst of a second or two at a busy call centre is not slowness.
pub(crate) const FELL_BEHIND_ENTRIES: u64 = 1_000;

/// How long a token that is ahead of us is waited for: another alerter may have been a moment faster.
pub(crate) const FUTURE_PATIENCE: Duration = Duration::from_secs(1);

/// How long the last frame of a stream may wait for a client that is not reading while the server drains.
pub(crate) const DRAIN_FRAME_PATIENCE: Duration = Duration::from_millis(500);

/// The longest time that a draining server asks its clients to wait before they reconnect; each is given a random part
/// of it, so that they do not all arrive at the next server at once.
pub(crate) const RECONNECT_SPREAD: Duration = Duration::from_secs(3);

/// What a refused client is told to wait before it asks again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Silence on the feed after which the connection is taken for dead: three of the workflow-server's heartbeats.
pub(crate) const FEED_SILENCE: Duration = Duration::from_secs(15);

/// How long connecting to the workflow-server, or its first answer, may take.
pub(crate) const FEED_CONNECT: Duration = Duration::from_secs(5);

/// The first wait before the feed is asked for again; it doubles with each failure, and a random part of it is waited.
pub(crate) const RECONNECT_FIRST: Duration = Duration::from_millis(100);

/// The longest such wait: a workflow-server that comes back is found within seconds.
pub(crate) const RECONNECT_LONGEST: Duration = Duration::from_secs(5);

/// Bytes of one message of the feed: 256 follow-ups of the largest size, with room to spare.
pub(crate) const FEED_MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of one request of a client: a full filter has less than 100 KiB.
pub(crate) const REQUEST_BYTES_MAX: usize = 256 * 1024;

const _: () = assert!(
    FELL_BEHIND_ENTRIES > ROUND_ENTRIES_MAX,
    "a client that reads one round must not count as behind because of it"
);
