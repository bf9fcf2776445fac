//! Whether a token that is ahead of this alerter-server is of an entry that is durable already.
//!
//! A client may come from another alerter-server, which was faster or follows another
//! workflow-server. Then its token is good, and a reset would show it an older state.
//!
//! Promise: the question goes to the workflow-servers at most once for each sequence that is new.
//! Must not: change what this alerter-server shows.

use aftercall_client::{Connection, Connector};
use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::feed::v1::change_feed_service_client::ChangeFeedServiceClient;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::limits::{FEED_MESSAGE_BYTES_MAX, FORESIGHT_WAIT};

type Feed = ChangeFeedServiceClient<Connection>;

/// What is known of entries that this alerter-server has not read.
#[derive(Debug)]
pub(crate) struct Foresight {
    upstream: Connector,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    feed: Option<Feed>,
    /// The store, and the newest sequence in it that was seen.
    epoch: String,
    newest: u64,
}

impl Foresight {
    /// Nothing is known yet; `upstream` leads to the workflow-servers.
    pub(crate) fn new(upstream: Connector) -> Self {
        Self {
            upstream,
            known: Mutex::default(),
        }
    }

    /// Whether a store has this sequence; `None` if no workflow-server answers.
    pub(crate) async fn has(&self, epoch: &str, sequence: u64) -> Option<bool> {
        let mut known = self.known.lock().await;
        if known.epoch == epoch && sequence <= known.newest {
            return Some(true);
        }
        let asked = timeout(FORESIGHT_WAIT, self.ask(&mut known, epoch, sequence));
        let newest = asked.await.ok()??;
        (known.epoch, known.newest) = (epoch.to_owned(), newest);
        Some(sequence <= newest)
    }

    /// The newest sequence of a store, as far as it matters for this one; 0 if the workflow-servers
    /// have another store.
    async fn ask(&self, known: &mut Known, epoch: &str, sequence: u64) -> Option<u64> {
        let feed = match &mut known.feed {
            Some(feed) => feed,
            None => {
                let connection = self.upstream.connect().await.ok()?;
                let feed = Feed::new(connection);
                known
                    .feed
                    .insert(feed.max_decoding_message_size(FEED_MESSAGE_BYTES_MAX))
            }
        };
        let request = TailRequest {
            from_sequence: sequence,
            epoch: epoch.to_owned(),
        };
        let first = match feed.tail(request).await {
            Ok(responses) => responses.into_inner().message().await,
            Err(status) => Err(status),
        };
        match first {
            Ok(response) => Some(response?.newest_sequence),
            Err(status) => newest_of(&status),
        }
    }
}

/// What a refusal says of the newest sequence.
fn newest_of(status: &Status) -> Option<u64> {
    match status.code() {
        // The sequence is in no log. Asked again, it may be.
        Code::OutOfRange | Code::FailedPrecondition => Some(0),
        _ => None,
    }
}
