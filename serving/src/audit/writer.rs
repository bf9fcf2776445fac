//! The thread that writes the audit log, and the queue in front of it.
//!
//! Promise: adding a line never waits. Lines that find no room are counted, reported in the log of
//! the server, and counted in the audit log itself once there is room again. Lines that cannot be
//! written are kept and tried again. At the end the queue is written out.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::error::AuditError;
use super::file::RotatedFile;
use super::flood::{Floods, WINDOW};
use super::line::Event;
use super::settings::{AuditPlace, AuditSettings};
use crate::readiness::Readiness;
use crate::seldom::Seldom;

/// Lines that wait at once. Each has some hundred bytes, and a disk that is slow for a second still
/// loses none of a busy server.
const WAITING_MAX: usize = 4_096;

/// Refusals that wait at once: a flood of them leaves room for actions.
const WAITING_REFUSALS_MAX: usize = WAITING_MAX / 4 * 3;

/// Bytes that are written at once.
const BATCH_BYTES: usize = 64 * 1024;

/// How often lines that could not be written are tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a server waits for the last lines. Shorter than the grace of its process.
const FINISH_MAX: Duration = Duration::from_secs(3);

/// The name of the warning in `/readyz`.
const WARNING: &str = "audit-log";

static LOST: Seldom = Seldom::new();
static FAILED: Seldom = Seldom::new();

/// The audit log of a server, or none; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditLog(Option<Arc<Queue>>);

#[derive(Debug)]
struct Queue {
    sender: SyncSender<Message>,
    state: Arc<State>,
}

#[derive(Debug)]
enum Message {
    Line(SystemTime, Event),
    /// The server ends.
    End,
}

/// What the queue and the thread share.
#[derive(Debug, Default)]
struct State {
    waiting: AtomicUsize,
    lost: AtomicU64,
    is_stopping: AtomicBool,
    readiness: OnceLock<Readiness>,
}

/// The audit log of a server with its thread.
#[derive(Debug, Default)]
pub(crate) struct AuditWriter {
    log: AuditLog,
    thread: Option<JoinHandle<()>>,
}

/// Opens the audit log. `Automatic` is nowhere.
///
/// # Errors
/// [`AuditError`].
pub(crate) fn open(settings: &AuditSettings) -> Result<AuditWriter, AuditError> {
    let sink = match &settings.place {
        AuditPlace::Automatic | AuditPlace::Off => return Ok(AuditWriter::default()),
        AuditPlace::Stderr => Sink::Stderr,
        AuditPlace::File(path) => {
            let opened = RotatedFile::open(path, settings.bytes_max(), settings.files);
            Sink::File(opened.map_err(|error| AuditError::Open {
                path: path.clone(),
                error,
            })?)
        }
    };
    AuditWriter::start(sink).map_err(AuditError::Thread)
}

impl AuditLog {
    /// Whether there is one.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Adds a line, if there is room.
    pub(crate) fn write(&self, event: Event) {
        let Some(queue) = &self.0 else { return };
        let state = &queue.state;
        let room = if event.is_refusal() {
            WAITING_REFUSALS_MAX
        } else {
            WAITING_MAX
        };
        let has_room = state.waiting.fetch_add(1, Ordering::Relaxed) < room;
        let message = Message::Line(SystemTime::now(), event);
        if !has_room || queue.sender.try_send(message).is_err() {
            state.waiting.fetch_sub(1, Ordering::Relaxed);
            state.lose(1, "queue_full");
            state.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl State {
    fn lose(&self, lines: u64, reason: &'static str) {
        metrics::counter!("aftercall_audit_lines_lost_total", "reason" => reason).increment(lines);
        if let Some(count) = LOST.is_due() {
            tracing::error!(
                count,
                reason,
                "lines of the audit log are lost; the requests themselves are not affected"
            );
        }
    }

    fn warn(&self, sentence: Option<String>) {
        if let Some(readiness) = self.readiness.get() {
            readiness.warn(WARNING, sentence);
        }
    }
}

impl AuditWriter {
    fn start(sink: Sink) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let state = Arc::new(State::default());
        let writing = Writing {
            receiver,
            sink,
            state: Arc::clone(&state),
            floods: Floods::default(),
            lines: Vec::new(),
        };
        let thread = std::thread::Builder::new().name("audit-log".to_owned());
        Ok(Self {
            thread: Some(thread.spawn(move || writing.run())?),
            log: AuditLog(Some(Arc::new(Queue { sender, state }))),
        })
    }

    /// Where lines are added.
    pub(crate) fn log(&self) -> &AuditLog {
        &self.log
    }

    /// Shows from now on where it fails.
    pub(crate) fn warn_in(&self, readiness: &Readiness) {
        if let AuditLog(Some(queue)) = &self.log {
            let _ = queue.state.readiness.set(readiness.clone());
        }
    }

    /// Writes out what waits.
    pub(crate) async fn finish(self) {
        let (AuditLog(Some(queue)), Some(thread)) = (self.log, self.thread) else {
            return;
        };
        queue.state.is_stopping.store(true, Ordering::Relaxed);
        thread.thread().unpark();
        let ended = tokio::task::spawn_blocking(move || {
            // It fails only where the thread has ended.
            let _ = queue.sender.send(Message::End);
            thread.join()
        });
        if tokio::time::timeout(FINISH_MAX, ended).await.is_err() {
            tracing::error!(
                "the audit log could not be written out in time: its last lines are lost"
            );
        }
    }
}

/// Where lines go.
#[derive(Debug)]
enum Sink {
    Stderr,
    File(RotatedFile),
}

impl Sink {
    fn write(&mut self, lines: &mut Vec<u8>, is_begun: bool) -> io::Result<()> {
        match self {
            Self::File(file) => file.write(lines, is_begun),
            Self::Stderr => {
                io::stderr().lock().write_all(lines)?;
                lines.clear();
                Ok(())
            }
        }
    }
}

/// The work of the thread.
struct Writing {
    receiver: Receiver<Message>,
    sink: Sink,
    state: Arc<State>,
    floods: Floods,
    lines: Vec<u8>,
}

impl Writing {
    fn run(mut self) {
        let mut is_last = false;
        while !is_last {
            let mut next = self.wait();
            while let Some(message) = next {
                is_last = !self.add(message);
                let has_room = !is_last && self.lines.len() < BATCH_BYTES;
                next = has_room.then(|| self.receiver.try_recv().ok()).flatten();
            }
            for event in self.floods.end(Instant::now(), is_last) {
                self.put(SystemTime::now(), &event);
            }
            if !self.lines.is_empty() {
                self.write_out();
            }
        }
    }

    /// Waits for a line; `None` if counted refusals have become due.
    fn wait(&self) -> Option<Message> {
        // An error says that nobody can add a line any more.
        if self.floods.is_empty() {
            return Some(self.receiver.recv().unwrap_or(Message::End));
        }
        match self.receiver.recv_timeout(WINDOW) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::End),
        }
    }

    /// Adds a line; returns whether others may follow.
    fn add(&mut self, message: Message) -> bool {
        let lost = self.state.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            Event::Lost { count: lost }.write(SystemTime::now(), &mut self.lines);
        }
        let Message::Line(at, event) = message else {
            return false;
        };
        self.state.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(event) = self.floods.pass(event, Instant::now()) {
            self.put(at, &event);
        }
        true
    }

    fn put(&mut self, at: SystemTime, event: &Event) {
        let kind = if event.is_refusal() {
            "refusal"
        } else {
            "action"
        };
        metrics::counter!("aftercall_audit_lines_total", "kind" => kind).increment(1);
        event.write(at, &mut self.lines);
    }

    /// Writes the lines, however often it must be tried. At the end of the server it is tried once.
    fn write_out(&mut self) {
        let mut is_begun = false;
        loop {
            let whole = self.lines.len();
            let Err(error) = self.sink.write(&mut self.lines, is_begun) else {
                return self.state.warn(None);
            };
            is_begun |= self.lines.len() < whole;
            self.note_failure(&error);
            if self.state.is_stopping.load(Ordering::Relaxed) {
                let lost = self.lines.iter().filter(|byte| **byte == b'\n').count();
                self.state.lose(lost as u64, "not_written");
                return self.lines.clear();
            }
            std::thread::park_timeout(RETRY_EVERY);
        }
    }

    fn note_failure(&self, error: &io::Error) {
        metrics::counter!("aftercall_audit_write_errors_total").increment(1);
        self.state.warn(Some(format!(
            "the audit log cannot be written ({error}): lines wait, and are lost once {WAITING_MAX} wait"
        )));
        if let Some(count) = FAILED.is_due() {
            tracing::error!(%error, count, "the audit log cannot be written: its lines wait and are tried again every second");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::SocketAddr;
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    fn settings(path: &Path) -> AuditSettings {
        AuditSettings {
            place: AuditPlace::File(path.to_owned()),
            size_mib: 1,
            files: 2,
        }
    }

    fn refusal(count: u64) -> Event {
        Event::Connection {
            peer: SocketAddr::from(([10, 0, 0, 7], 7)),
            reason: "TOO_MANY_CONNECTIONS",
            count,
        }
    }

    fn counts(path: &Path) -> Vec<(String, u64)> {
        let text = fs::read_to_string(path).expect("a file");
        let lines = text.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let kind = line["audit"].as_str().expect("a kind").to_owned();
            (kind, line["count"].as_u64().expect("a count"))
        });
        lines.collect()
    }

    #[tokio::test]
    async fn what_waits_is_written_at_the_end() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.log");
        let writer = open(&settings(&path)).expect("opened");
        for count in 1..=1_000 {
            writer.log().write(refusal(count));
        }
        writer.finish().await;
        let expected: Vec<_> = (1..=1_000)
            .map(|count| ("refusal".to_owned(), count))
            .collect();
        assert_eq!(counts(&path), expected);
    }

    #[tokio::test]
    async fn lines_that_find_no_room_are_counted() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.log");
        // Nobody takes lines out of the queue yet.
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let state = Arc::new(State::default());
        let log = AuditLog(Some(Arc::new(Queue {
            sender,
            state: Arc::clone(&state),
        })));
        for count in 1..=WAITING_MAX as u64 {
            log.write(refusal(count));
        }
        let lost = (WAITING_MAX - WAITING_REFUSALS_MAX) as u64;
        assert_eq!(state.lost.load(Ordering::Relaxed), lost);
        // The room of actions is left.
        log.write(Event::Lost { count: 7 });
        assert_eq!(state.lost.load(Ordering::Relaxed), lost);
        let file = RotatedFile::open(&path, 1 << 20, 2).expect("opened");
        let writing = Writing {
            receiver,
            sink: Sink::File(file),
            state,
            floods: Floods::default(),
            lines: Vec::new(),
        };
        drop(log);
        writing.run();
        let counts = counts(&path);
        assert_eq!(counts[0], ("lost".to_owned(), lost));
        assert_eq!(counts.len(), WAITING_REFUSALS_MAX + 2);
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_written_is_a_warning() {
        let readiness = Readiness::new();
        let file = RotatedFile::open(Path::new("/dev/full"), 1 << 20, 2).expect("opened");
        let writer = AuditWriter::start(Sink::File(file)).expect("started");
        writer.warn_in(&readiness);
        writer.log().write(refusal(1));
        while readiness.warnings().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(readiness.is_ready(), "requests continue");
        let warning = readiness.warnings().concat();
        assert!(warning.contains("No space left"), "{warning}");
        writer.finish().await;
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_refused() {
        let path = Path::new("/dev/null/audit.log");
        let error = open(&settings(path)).expect_err("no directory");
        assert!(error.to_string().contains("--audit-log"), "{error}");
    }
}
