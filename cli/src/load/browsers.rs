//! The streams of `aftercall load page`: what a browser does, without a browser.
//!
//! Promise: each event of a row is counted, and its delay measured from the moment at which the change
//! was known to be durable. Must not: read more of an event than its name.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::errors::Failure;
use crate::load::audience::Commits;
use crate::load::measured::Measured;

/// Streams that are opened at a time.
const OPENING_MAX: usize = 64;
/// Delays are kept in so many places, so that tasks seldom wait for each other.
const PLACES: usize = 16;
/// What a stream says once it shows the present.
const LIVE: &[u8] = b"\"live\":true";
/// How the event of a changed row begins.
const ROW: &[u8] = b"event: row\n";

/// Finds a text in bytes that come in pieces.
struct Finder {
    wanted: &'static [u8],
    /// The end of the last piece, in which the text may have begun.
    rest: Vec<u8>,
}

impl Finder {
    fn new(wanted: &'static [u8]) -> Self {
        Self {
            wanted,
            rest: Vec::new(),
        }
    }

    /// How often the text ends in this piece.
    fn count(&mut self, piece: &[u8]) -> u64 {
        self.rest.extend_from_slice(piece);
        let windows = self.rest.windows(self.wanted.len());
        let found = windows.filter(|window| *window == self.wanted).count();
        let kept = self.rest.len().min(self.wanted.len() - 1);
        self.rest.drain(..self.rest.len() - kept);
        found as u64
    }
}

/// Streams that are open and show the present.
pub(crate) struct Browsers(Vec<TcpStream>);

impl Browsers {
    /// Opens streams of the page at an address.
    pub(crate) async fn open(url: &str, count: u32) -> Result<Self, Failure> {
        let uri: Uri = url
            .parse()
            .map_err(|error| Failure::refused(format!("{url} is no address: {error}.")))?;
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let mut streams = Vec::new();
        let all: Vec<u32> = (0..count).collect();
        for some in all.chunks(OPENING_MAX) {
            let mut opening = JoinSet::new();
            for _ in some {
                opening.spawn(open(host.clone()));
            }
            while let Some(opened) = opening.join_next().await {
                let opened = opened.unwrap_or_else(|error| Err(error.to_string()));
                streams.push(opened.map_err(|reason| {
                    let already = streams.len();
                    Failure::unavailable(format!(
                        "After {already} streams the page opens no more: {reason}.\nCheck `ulimit -n`, which limits both processes."
                    ))
                })?);
            }
        }
        Ok(Self(streams))
    }

    /// Lets the streams read, until the tasks are dropped. The first event is that of the change with
    /// the sequence `first`.
    pub(crate) fn listen(
        self,
        first: u64,
        commits: &Arc<Commits>,
    ) -> Result<(JoinSet<()>, Arc<Received>), Failure> {
        let places = (0..PLACES).map(|_| Measured::new().map(Mutex::new));
        let received = Arc::new(Received {
            count: AtomicU64::new(0),
            ended: AtomicUsize::new(0),
            measured: places.collect::<Result<_, _>>()?,
        });
        let mut tasks = JoinSet::new();
        for (at, stream) in self.0.into_iter().enumerate() {
            let (commits, received) = (Arc::clone(commits), Arc::clone(&received));
            tasks.spawn(async move {
                received.follow(stream, at, first, &commits).await;
                received.ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        Ok((tasks, received))
    }
}

async fn open(host: String) -> Result<TcpStream, String> {
    let opened = async {
        let mut stream = TcpStream::connect(&host).await?;
        let request =
            format!("GET /events HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let (mut finder, mut piece) = (Finder::new(LIVE), vec![0; 4_096]);
        loop {
            let bytes = stream.read(&mut piece).await?;
            if bytes == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if finder.count(&piece[..bytes]) > 0 {
                return Ok(stream);
            }
        }
    };
    opened
        .await
        .map_err(|error: std::io::Error| error.to_string())
}

/// What the streams have received.
pub(crate) struct Received {
    count: AtomicU64,
    ended: AtomicUsize,
    measured: Vec<Mutex<Measured>>,
}

impl Received {
    async fn follow(&self, mut stream: TcpStream, at: usize, first: u64, commits: &Commits) {
        let (mut finder, mut piece) = (Finder::new(ROW), vec![0; 4_096]);
        let mut sequence = first;
        while let Ok(bytes) = stream.read(&mut piece).await
            && bytes > 0
        {
            for _ in 0..finder.count(&piece[..bytes]) {
                if let Some(delay) = commits.since(sequence) {
                    let place = &self.measured[at % PLACES];
                    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
                    place.record(delay);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                sequence += 1;
            }
        }
    }

    /// Events so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How many streams have ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// All delays.
    pub(crate) fn measured(&self) -> Result<Measured, Failure> {
        let mut all = Measured::new()?;
        for place in &self.measured {
            all.add(&place.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_comes_in_pieces_is_found_once() {
        let mut finder = Finder::new(ROW);
        assert_eq!(finder.count(b"event: snapshot\ndata\n\nevent: r"), 0);
        assert_eq!(finder.count(b"ow"), 0);
        assert_eq!(finder.count(b"\ndata: {}\n\nevent: row\nevent: rows\n"), 2);
        assert_eq!(finder.count(b"event: line\n"), 0);
    }
}
