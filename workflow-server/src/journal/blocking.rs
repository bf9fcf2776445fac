//! Runs file operations for async code on the blocking threads of the runtime. Turns a panic into
//! an error.

use super::{JournalError, guard};

/// Runs `work` on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failure) => {
            let reason = match failure.try_into_panic() {
                Ok(panic) => guard::message(panic.as_ref()),
                Err(_ended) => "the server is shutting down".to_owned(),
            };
            Err(JournalError::Io {
                what: doing.to_owned(),
                reason,
            })
        }
    }
}
