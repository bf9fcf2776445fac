//! The process of a server: its runtime, the signals that stop it, and its end.
//!
//! Promise: after the first signal the process ends within the drain time and a short grace, even
//! if its threads are busy.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Beyond the drain time: the ledger writes what it has accepted.
const END_GRACE: Duration = Duration::from_secs(5);

/// The process was stopped, and some of its work did not stop (`EX_SOFTWARE` of `sysexits.h`).
const EXIT_STUCK: i32 = 70;

/// A second signal ended the process.
const EXIT_INTERRUPTED: i32 = 130;

/// Runs a server on a runtime of its own. An error is one sentence on standard error, without a
/// backtrace; `exit_code` chooses the exit code.
pub fn run<E: Display>(
    main: impl Future<Output = Result<(), E>>,
    exit_code: impl FnOnce(&E) -> ExitCode,
) -> ExitCode {
    match block_on(main) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            exit_code(&error)
        }
        Err(error) => {
            eprintln!("error: the threads of the server cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a future to its end on a new runtime. Does not wait for blocking work that is still
/// running: what was acknowledged is durable, and the rest is lost as in a crash.
///
/// # Errors
/// If the runtime's threads cannot be started.
pub fn block_on<T>(main: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(main);
    runtime.shutdown_background();
    Ok(ended)
}

/// A token that the first SIGINT or SIGTERM cancels. A second signal ends the process at once. The
/// process also ends if it still runs after `drain` and a grace. A thread of its own does that: all
/// others may be busy.
///
/// # Errors
/// If signals cannot be listened to.
pub fn shutdown_token(drain: Duration) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let (listening, is_listening) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return listening.send(Err(error)).unwrap_or_default(),
        };
        runtime.block_on(async {
            let signals = signal(SignalKind::interrupt()).and_then(|one| Ok((one, signal(SignalKind::terminate())?)));
            let (mut interrupt, mut terminate) = match signals {
                Ok(signals) => signals,
                Err(error) => return listening.send(Err(error)).unwrap_or_default(),
            };
            // The caller waits for it.
            let _ = listening.send(Ok(()));
            let signal = tokio::select! { _ = interrupt.recv() => "SIGINT", _ = terminate.recv() => "SIGTERM" };
            tracing::info!(signal, "shutting down; a second signal ends the process at once");
            cancelled.cancel();
            tokio::select! {
                _ = interrupt.recv() => std::process::exit(EXIT_INTERRUPTED),
                _ = terminate.recv() => std::process::exit(EXIT_INTERRUPTED),
                () = tokio::time::sleep(drain + END_GRACE) => {}
            }
            tracing::error!("some work did not stop within the drain time: the process ends without it; nothing acknowledged is lost");
            std::process::exit(EXIT_STUCK);
        });
    })?;
    is_listening.recv().map_err(io::Error::other)??;
    Ok(token)
}
