//! Opens sled on a separate thread. On damaged files sled may panic, or never return. Both must
//! become an error with a sentence.
//!
//! A thread that does not return cannot be stopped, so the caller must end the process.

use std::any::Any;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::OpenError;

/// The work reports its progress with this.
pub(crate) struct Progress(SyncSender<()>);

impl Progress {
    /// Starts the time limit again.
    pub(crate) fn alive(&self) {
        // Full: a sign is waiting already. Disconnected: the caller has given up.
        let _ = self.0.try_send(());
    }
}

/// Runs `work` for `place`. It must report progress within each `limit`.
pub(crate) fn guarded<T: Send + 'static>(
    place: &Path,
    limit: Duration,
    work: impl FnOnce(&Progress) -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let (signs, alive) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("journal-open".to_owned())
        .spawn(move || work(&Progress(signs)))
        .map_err(|error| OpenError::io("starting a thread to open", place, &error))?;
    loop {
        match alive.recv_timeout(limit) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(OpenError::SledHung {
                    place: place.display().to_string(),
                    seconds: limit.as_secs(),
                });
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    thread
        .join()
        .unwrap_or_else(|panic| Err(of_panic(place, message(panic.as_ref()))))
}

/// An error of the system, such as a full disk or a failed read, does not mean that the log is
/// damaged. sled panics on these errors too.
fn of_panic(place: &Path, reason: String) -> OpenError {
    let place = place.display().to_string();
    if reason.contains("Os { code:") {
        return OpenError::Io {
            what: format!("opening {place}"),
            reason,
        };
    }
    OpenError::SledPanicked { place, reason }
}

/// The message of a panic.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it gave no reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMPLE: Duration = Duration::from_secs(60);

    fn check(
        limit: Duration,
        work: impl FnOnce(&Progress) -> Result<u8, OpenError> + Send + 'static,
    ) -> Result<u8, OpenError> {
        guarded(Path::new("journal-1"), limit, work)
    }

    #[test]
    fn a_result_is_returned() {
        assert_eq!(check(AMPLE, |_| Ok(7)), Ok(7));
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_reason() {
        let error = check(AMPLE, |_| panic!("bad page {}", 3)).unwrap_err();
        assert_eq!(
            error,
            OpenError::SledPanicked {
                place: "journal-1".into(),
                reason: "bad page 3".into()
            }
        );
    }

    #[test]
    fn a_system_error_is_not_reported_as_damage() {
        let full = || std::io::Error::from_raw_os_error(28);
        let error = check(AMPLE, move |_| {
            Err::<u8, _>(full()).map_err(|error| panic!("{error:?}"))
        })
        .unwrap_err();
        let OpenError::Io { what, reason } = error else {
            panic!("{error}")
        };
        assert!(
            what.contains("journal-1") && reason.contains("No space left"),
            "{what}: {reason}"
        );
    }

    #[test]
    fn work_without_progress_times_out() {
        let (release, held) = mpsc::channel::<()>();
        let error = check(Duration::from_millis(10), move |_| {
            let _ = held.recv();
            Ok(7)
        });
        assert_eq!(
            error,
            Err(OpenError::SledHung {
                place: "journal-1".into(),
                seconds: 0
            })
        );
        drop(release);
    }
}
