//! How backups are shown: failures, sizes, times and progress.

use indicatif::{ProgressBar, ProgressStyle};
use workflow_server::backup::BackupError;

use crate::errors::Failure;
use crate::time;

/// A backup that failed on this side.
pub(crate) fn failed(error: &BackupError) -> Failure {
    match error {
        BackupError::NoSuchGeneration { .. } | BackupError::Empty { .. } => {
            Failure::not_found(sentence(error))
        }
        error => Failure::refused(sentence(error)),
    }
}

/// As a sentence for a person.
pub(crate) fn sentence(error: &BackupError) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

/// A bar that counts bytes on stderr.
pub(crate) fn bytes_bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) =
        ProgressStyle::with_template("{msg} {bar:30} {bytes} of {total_bytes}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// A moment of the server as the terminal shows it.
pub(crate) fn local(millis: i64) -> String {
    time::local(Some(&proto_time(millis)))
}

fn proto_time(millis: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(millis.rem_euclid(1_000) * 1_000_000).unwrap_or(0);
    prost_types::Timestamp {
        seconds: millis.div_euclid(1_000),
        nanos,
    }
}

pub(crate) fn millis(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| {
        time.seconds
            .saturating_mul(1_000)
            .saturating_add(i64::from(time.nanos) / 1_000_000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_their_milliseconds() {
        for moment in [0, 1, 999, 1_795_000_000_123, -1, -1_001] {
            assert_eq!(millis(Some(&proto_time(moment))), moment);
        }
    }

    #[test]
    fn a_failure_is_a_sentence() {
        let failure = failed(&BackupError::Empty {
            dir: "d".to_owned(),
        });
        assert!(
            failure
                .sentence()
                .starts_with("There is no complete backup in d"),
            "{failure}"
        );
    }
}
