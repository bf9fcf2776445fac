//! The feed of a server, as an alerter reads it.

use aftercall_proto::feed::v1::{TailRequest, TailResponse};
use aftercall_proto::workflow::v1::{GetServerInfoRequest, GetServerInfoResponse};
use tonic::{Code, Streaming};

use crate::clients::Clients;

/// How often the feed's beginning is looked up. The server may pack it after it named it.
const LOOKS_MAX: u32 = 20;

/// Reads the whole feed that is kept, checks that it has no gap, and returns the newest sequence.
///
/// # Panics
/// If the feed has a gap, ends, or does not answer.
pub async fn read_feed(clients: &mut Clients) -> u64 {
    let (info, mut tail) = open(clients).await;
    let mut next = info.oldest_feed_sequence;
    while next <= info.sequence {
        let response = tail
            .message()
            .await
            .expect("the stream continues")
            .expect("a response");
        for entry in response.entries {
            assert_eq!(entry.sequence, next, "the feed has a gap");
            next += 1;
        }
    }
    next - 1
}

/// Opens the feed at its oldest entry.
async fn open(clients: &mut Clients) -> (GetServerInfoResponse, Streaming<TailResponse>) {
    for _ in 0..LOOKS_MAX {
        let info = clients
            .operations
            .get_server_info(GetServerInfoRequest {})
            .await
            .expect("info")
            .into_inner();
        let request = TailRequest {
            from_sequence: info.oldest_feed_sequence,
            epoch: info.epoch.clone(),
        };
        match clients.feed.tail(request).await {
            Ok(tail) => return (info, tail.into_inner()),
            Err(status) if status.code() == Code::OutOfRange => {}
            Err(status) => panic!("the feed: {status:?}"),
        }
    }
    panic!("the feed began later at each of {LOOKS_MAX} looks");
}
