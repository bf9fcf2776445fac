//! How many requests for the feed a workflow-server has answered, by its own count.
//!
//! Must not: be read during a measurement: the request itself takes CPU time.

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::errors::Failure;

const COUNTER: &str = "aftercall_feed_requests_total";

/// Requests for snapshots and tails since the server began.
pub(crate) async fn count_feed_requests(server: &str) -> Result<u64, Failure> {
    let text = metrics(server).await.map_err(|why| {
        Failure::unavailable(format!(
            "The feed requests of {server} cannot be read from its /metrics: {why}."
        ))
    })?;
    Ok(sum(&text))
}

async fn metrics(server: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let authority = server.trim_start_matches("http://");
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/metrics")
        .header(HOST, authority)
        .body(Empty::<Bytes>::new())?;
    let body = sender
        .send_request(request)
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
