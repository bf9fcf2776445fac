//! Messages of the feed, bounded by bytes: each is sent as soon as it is full, so that no more than
//! one is held.

use aftercall_proto::feed::v1 as feed;
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Status;

use crate::limits::{FEED_MESSAGE_BYTES, FEED_STALL};
use crate::service::say::Refusal;

/// Responses that wait for a slow alerter: it reads on from where it is, so few are enough.
pub(super) const RESPONSES_WAITING: usize = 4;

/// A place in the stream of one client.
pub(super) type Sender<T> = mpsc::Sender<Result<T, Status>>;

/// The client has gone away, or takes nothing: nothing more is sent.
#[derive(Debug)]
pub(super) struct Gone;

/// Sends one response. A client that takes nothing for [`FEED_STALL`] gives its place to another.
pub(super) async fn send<T>(sender: &Sender<T>, response: Result<T, Refusal>) -> Result<(), Gone> {
    match timeout(FEED_STALL, sender.send(response.map_err(Status::from))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// A response of a snapshot in the making.
pub(super) struct SnapshotBatch {
    response: feed::SnapshotResponse,
    bytes: usize,
}

impl SnapshotBatch {
    /// The first response, with the head.
    pub(super) fn new(head: feed::SnapshotHead) -> Self {
        let response = feed::SnapshotResponse {
            head: Some(head),
            follow_ups: Vec::new(),
            last: false,
            teams: Vec::new(),
        };
        Self { response, bytes: 0 }
    }

    /// Adds a follow-up, and the teams of its workflow if it has no open alert; returns the response before it where it would make that one too large.
    pub(super) fn add(
        &mut self,
        follow_up: aftercall_proto::workflow::v1::FollowUp,
        teams: Vec<String>,
    ) -> Option<feed::SnapshotResponse> {
        let bytes = follow_up.encoded_len() + bytes_of(&teams);
        let is_full = self.bytes > 0 && self.bytes + bytes > FEED_MESSAGE_BYTES;
        let full = is_full.then(|| self.take());
        self.bytes += bytes;
        if !teams.is_empty() {
            let place = self.response.follow_ups.len() as u32;
            let teams = feed::TeamsOfFollowUp { place, teams };
            self.response.teams.push(teams);
        }
        self.response.follow_ups.push(follow_up);
        full
    }

    fn take(&mut self) -> feed::SnapshotResponse {
        self.bytes = 0;
        std::mem::take(&mut self.response)
    }

    /// The last response.
    pub(super) fn last(mut self) -> feed::SnapshotResponse {
        self.response.last = true;
        self.response
    }
}

/// Bytes of the names of teams in a response, about.
fn bytes_of(teams: &[String]) -> usize {
    let bytes = teams.iter().map(|team| team.len() + TEAM_OVERHEAD_BYTES);
    bytes.sum()
}

/// Bytes of the key and length of a name, and its part of the message around it.
const TEAM_OVERHEAD_BYTES: usize = 8;

/// A response of the tail in the making. Its last entry may be a part, where the changes of an
/// entry fill several responses.
#[derive(Default)]
pub(super) struct TailBatch {
    entries: Vec<feed::FeedEntry>,
    bytes: usize,
}

impl TailBatch {
    /// Begins an entry; what is added next is of this one.
    pub(super) fn begin(&mut self, entry: feed::FeedEntry) {
        self.bytes += entry.encoded_len() + ENTRY_OVERHEAD_BYTES;
        self.entries.push(entry);
    }

    /// Adds a change to the entry that was begun last; returns the entries before it where it would
    /// make these too large.
    pub(super) fn add(&mut self, change: feed::InstanceChange) -> Option<Vec<feed::FeedEntry>> {
        let bytes = change.encoded_len();
        let holds_any = self.entries.len() > 1
            || self
                .entries
                .last()
                .is_some_and(|entry| !entry.changes.is_empty());
        let full = (holds_any && self.bytes + bytes > FEED_MESSAGE_BYTES).then(|| self.split());
        self.bytes += bytes + ENTRY_OVERHEAD_BYTES;
        if let Some(entry) = self.entries.last_mut() {
            entry.changes.push(change);
        }
        full
    }

    /// Takes all out but the entry that was begun last, of which the rest goes into the next
    /// response.
    fn split(&mut self) -> Vec<feed::FeedEntry> {
        let Some(mut present) = self.entries.pop() else {
            return Vec::new();
        };
        let rest = without_changes(&present);
        let mut full = std::mem::take(&mut self.entries);
        if !present.changes.is_empty() {
            present.partial = true;
            full.push(present);
        }
        self.bytes = 0;
        self.begin(rest);
        full
    }

    /// Whether it is time to send it.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= FEED_MESSAGE_BYTES
    }

    /// All entries.
    pub(super) fn take(&mut self) -> Vec<feed::FeedEntry> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }
}

/// Bytes of an entry's key and length in its response, and of its changes' in it.
const ENTRY_OVERHEAD_BYTES: usize = 16;

/// What each part of an entry repeats.
fn without_changes(entry: &feed::FeedEntry) -> feed::FeedEntry {
    feed::FeedEntry {
        sequence: entry.sequence,
        chain: entry.chain,
        at: entry.at,
        actor: entry.actor.clone(),
        changes: Vec::new(),
        erased: entry.erased,
        partial: false,
    }
}
