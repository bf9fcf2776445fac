//! The feed of a server, as an alerter reads it.

use aftercall_proto::feed::v1::{TailRequest, TailResponse};
use aftercall_proto::workflow::v1::{GetServerInfoRequest, GetServerInfoResponse};
use tonic::{Code, Status, Streaming};

use crate::clients::Clients;

/// How often the feed is read from its beginning. The server may pack what is there after it named
/// it, before or while it is read.
const LOOKS_MAX: u32 = 20;

/// Reads the whole feed that is kept, checks that it has no gap, and returns the newest sequence.
///
/// # Panics
/// If the feed has a gap, ends, or does not answer.
pub async fn read_feed(clients: &mut Clients) -> u64 {
    for _ in 0..LOOKS_MAX {
        match read(clients).await {
            Ok(newest) => return newest,
            Err(status) if status.code() == Code::OutOfRange => {}
            Err(status) => panic!("the feed: {status:?}"),
        }
    }
    panic!("the feed began later at each of {LOOKS_MAX} looks");
}

async fn read(clients: &mut Clients) -> Result<u64, Status> {
    let (info, mut tail) = open(clients).await?;
    let mut next = info.oldest_feed_sequence;
    while next <= info.sequence {
        let response = tail.message().await?.expect("a response");
        for entry in response.entries {
            assert_eq!(entry.sequence, next, "the feed has a gap");
            next += 1;
        }
    }
    Ok(next - 1)
}

/// Opens the feed at its oldest entry.
async fn open(
    clients: &mut Clients,
) -> Result<(GetServerInfoResponse, Streaming<TailResponse>), Status> {
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
    let tail = clients.feed.tail(request).await?;
    Ok((info, tail.into_inner()))
}
