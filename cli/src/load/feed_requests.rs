//! How many requests for the feed a workflow-server has answered, by its own count.
//!
//! Must not: be read during a measurement: the request itself takes CPU time.

use aftercall_client::{Connector, Protocol};
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;

use crate::errors::Failure;

const COUNTER: &str = "aftercall_feed_requests_total";

/// Requests for snapshots and tails since the server began.
pub(crate) async fn count_feed_requests(to_server: &Connector) -> Result<u64, Failure> {
    let text = metrics(to_server).await.map_err(|why| {
        Failure::unavailable(format!(
            "The feed requests of the workflow-server cannot be read from its /metrics: {why}."
        ))
    })?;
    Ok(sum(&text))
}

async fn metrics(
    to_server: &Connector,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let (uri, stream) = to_server.dial(Protocol::Http1).await?;
    let host = uri.authority().map_or("", |host| host.as_str());
    let mut request = Request::get("/metrics").header(HOST, host);
    if let Some(token) = to_server.authorization().await? {
        request = request.header(AUTHORIZATION, token);
    }
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let body = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?
        .into_body()
        .collect()
        .await?
        .to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}

fn sum(text: &str) -> u64 {
    let of_counter = text.lines().filter(|line| line.starts_with(COUNTER));
    of_counter
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_counts_of_calls_are_added() {
        let text = "# TYPE aftercall_feed_requests_total counter\n\
            aftercall_feed_requests_total{call=\"tail\"} 3\n\
            aftercall_feed_requests_total{call=\"snapshot\"} 2\n\
            aftercall_entries_total 700\n";
        assert_eq!(sum(text), 5);
    }
}
