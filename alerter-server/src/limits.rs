//! Every limit of the alerter-server that is not a setting, and the defaults of some that are, each
//! with its reason.
//!
//! Promise: no queue, batch, wait or stream elsewhere in this crate is bounded by a number that
//! is not here or in the settings.

use std::time::Duration;

/// Values in one field of a filter. The proto promises it; a change is compared with each filter,
/// so it must stay small.
pub(crate) const FILTER_VALUES_MAX: usize = 100;

/// Characters in one value of a filter: the longest name in the API (a customer, a call's id).
pub(crate) const FILTER_VALUE_CHARACTERS_MAX: usize = 128;

/// Characters of a resume token that are looked at. Ours have 50; nothing much longer was ever
/// given out.
pub(crate) const TOKEN_CHARACTERS_MAX: usize = 128;

/// Streams at once on one connection where the configuration names nothing; more wait at the client.
/// A program may show many lists.
pub(crate) const STREAMS_PER_CONNECTION_MAX: u32 = 1_024;

/// Bytes of answers that one connection may leave unread before its further requests wait, where the
/// configuration names nothing: 64 KiB for each of its streams.
pub(crate) const UNREAD_BYTES_PER_CONNECTION_MAX: u32 = 64 << 20;

/// Bytes that are given to the transport at once, if so many wait: a dozen messages. A stream keeps
/// a buffer of that size once it had to catch up, and there are ten thousand of them.
pub(crate) const STREAM_WRITE_BYTES: usize = 8 * 1024;

/// Bytes that a stream's buffer has room for at first. Most messages are smaller; ten thousand idle
/// streams pay for it.
pub(crate) const STREAM_BUFFER_BYTES: usize = 512;

/// Bytes of the newest messages that one view keeps. A client that reads within seconds finds what
/// it missed there. Older ones are encoded for each stream again, which takes twice the CPU, just
/// when there is too little of it.
pub(crate) const VIEW_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes that all views keep, in sum; each has its share of them, down to the least.
pub(crate) const VIEWS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a view keeps however many there are: a message or a few.
pub(crate) const VIEW_BYTES_LEAST: usize = 4 * 1024;

/// Scopes whose wallboards are kept up to date. Each costs every change a comparison.
pub(crate) const WALLBOARD_SCOPES_MAX: usize = 64;

/// How long the wallboard of a scope is kept up to date after it was read last.
pub(crate) const WALLBOARD_UNREAD_KEPT: Duration = Duration::from_secs(600);

/// How often the wallboard is counted for those who watch it; nobody gets it more often.
pub(crate) const WALLBOARD_EVERY: Duration = Duration::from_millis(100);

/// Updates of the wallboard in a second that one watcher may ask for.
pub(crate) const WALLBOARD_UPDATES_MAX: u32 = 10;

/// How long the ring still holds what came before a caller was erased: clients that keep up have
/// received the erasure before that.
pub(crate) const ERASED_HELD: Duration = Duration::from_secs(5);

/// In how many steps a draining server sends its clients away.
pub(crate) const DRAIN_STEPS: usize = 100;

/// Entries of the ring that one client is shown, or items of a snapshot that it is given, before
/// others have their turn.
pub(crate) const ROUND_ENTRIES_MAX: u64 = 256;

/// Entries that a client may be behind before it gets `FellBehind`. A burst of a second or two at a
/// busy call centre is not slowness.
pub(crate) const FELL_BEHIND_ENTRIES: u64 = 1_000;

/// How long a token that is ahead of us is waited for: another alerter may have been a moment
/// faster.
pub(crate) const FUTURE_PATIENCE: Duration = Duration::from_secs(1);

/// How long the workflow-servers are asked for an entry that is ahead of us: a client waits.
pub(crate) const FORESIGHT_WAIT: Duration = Duration::from_secs(3);

/// Workflow-servers that must show another history before clients are reset, where several may be
/// followed: one may be left over from before a restore, or be named by mistake.
pub(crate) const WITNESSES: usize = 2;

/// How long a single one of them is not believed: the others may be away for a take-over.
pub(crate) const DOUBT_LONGEST: Duration = Duration::from_secs(10);

/// The longest time that a draining server asks its clients to wait before they reconnect; each is
/// given a random part of it, so that they do not all arrive at the next server at once.
pub(crate) const RECONNECT_SPREAD: Duration = Duration::from_secs(3);

/// How long a refused client should wait before it asks again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Silence on the feed after which the connection is taken for dead: three of the workflow-server's
/// heartbeats.
pub(crate) const FEED_SILENCE: Duration = Duration::from_secs(15);

/// The first wait before reconnecting to the feed. It doubles with each failure; the tail waits a
/// random part of it.
pub(crate) const RECONNECT_FIRST: Duration = Duration::from_millis(100);

/// The longest such wait: a workflow-server that comes back is found within seconds.
pub(crate) const RECONNECT_LONGEST: Duration = Duration::from_secs(5);

/// Bytes of one message of the feed: the workflow-server keeps below it.
pub(crate) use aftercall_serving::FEED_MESSAGE_BYTES_MAX;

/// Bytes of one request of a client where the configuration names nothing: a full filter has less than 100 KiB.
pub(crate) const REQUEST_BYTES_MAX: u32 = 256 * 1024;

const _: () = assert!(
    FELL_BEHIND_ENTRIES > ROUND_ENTRIES_MAX,
    "a client that reads one round must not count as behind because of it"
);
