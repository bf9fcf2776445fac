//! `aftercall restore`: a data directory out of a backup.

use std::path::PathBuf;
use std::sync::Arc;

use aftercall_definition::time::Time;
use clap::Args;
use prost_types::Timestamp;
use workflow_server::backup::{
    BackupDirectory, ClockAtStart, RestoreOptions, Restored, Until, restore,
};
use workflow_server::ledger::{Clock, SystemClock};

use crate::backup::shown::{bytes_bar, failed, local, millis};
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::store::address::check_directory;
use crate::time;

#[derive(Debug, Args)]
#[command(after_help = "\
The restored store has an epoch of its own: alert streams begin with a reset, and no client takes it for the old one.
Callers who were erased after the backup are erased again, as far as the directory of backups or --erasures-from knows of them.
Examples:
  aftercall restore --from /backup/aftercall --data-dir /var/lib/aftercall
  aftercall restore --from /backup/aftercall --data-dir ./yesterday --to-time '2026-11-27 18:00'")]
pub(crate) struct Restore {
    /// The directory of backups
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The new data directory; empty, or not there yet
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Restore this backup [default: the newest that reaches the point]
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u32>,
    /// Restore up to this entry; what came after it is left out
    #[arg(long, value_name = "SEQUENCE", conflicts_with = "to_time")]
    to_sequence: Option<u64>,
    /// Restore up to this time, such as `2026-11-27 18:00`; what came after it is left out
    #[arg(long, value_name = "TIME", value_parser = time::parse_moment)]
    to_time: Option<Timestamp>,
    /// The data directory of the old server, stopped: it knows the newest erasures
    #[arg(long, value_name = "DIR")]
    erasures_from: Option<PathBuf>,
    /// Do not erase again what was erased since; needs --yes
    #[arg(long, requires = "yes")]
    without_erasures: bool,
    /// Hold the timers of the restored server until `aftercall server accept-clock`
    #[arg(long)]
    hold_timers: bool,
    /// Bring erased callers' data back
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Restore {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        check_directory(
            &self.data_dir,
            "Restore into a new directory, and copy that with `aftercall store copy --from DIR --to URL`.",
        )?;
        if let Some(dir) = &self.erasures_from {
            check_directory(
                dir,
                "Copy the store into a directory with `aftercall store copy --from URL --to DIR`, and name that.",
            )?;
        }
        let until = match (self.to_sequence, &self.to_time) {
            (Some(sequence), _) => Until::Sequence(sequence),
            (None, Some(time)) => Until::Time(Time(millis(Some(time)))),
            (None, None) => Until::Newest,
        };
        let options = RestoreOptions {
            generation: self.generation,
            until,
            erase_again: !self.without_erasures,
            erasures_from: self.erasures_from.clone(),
            epoch: format!("{:032x}", rand::random::<u128>()),
            clock: (!self.hold_timers).then(|| Arc::new(SystemClock::default()) as Arc<dyn Clock>),
        };
        let directory = BackupDirectory::open(&self.from).map_err(|error| failed(&error))?;
        let newest = directory.newest().map_err(|error| failed(&error))?;
        drop(directory);
        let bar = bytes_bar(newest.bytes()).with_message("Checking");
        let restored = restore(&self.from, &self.data_dir, &options, &|bytes| {
            bar.inc(bytes);
        })
        .await;
        bar.finish_and_clear();
        self.say(session, &restored.map_err(|error| failed(&error))?)
    }

    fn say(&self, session: &Session, restored: &Restored) -> Result<(), Failure> {
        let Restored {
            generation,
            later,
            sequence,
            at,
            left_out,
            erasures,
            erased_calls,
            files,
            clock,
        } = restored;
        let ids: Vec<u64> = erasures.iter().map(|one| one.erasure.id).collect();
        if session.output.is_json() {
            return session.output.json(&serde_json::json!({
                "generation": generation,
                "later_generations": later,
                "sequence": sequence,
                "at_millis": at.0,
                "left_out_entries": left_out,
                "erasures_since": ids,
                "erased_again_calls": erased_calls,
                "files": files,
                "due_timers": due(*clock),
                "timers_held": !matches!(clock, ClockAtStart::Continues { .. }),
            }));
        }
        let data_dir = self.data_dir.display();
        session.output.line(&format!(
            "Restored backup {generation} into {data_dir}, up to entry {sequence}, {}. Start the server with --data-dir {data_dir}.",
            local(at.0)
        ))?;
        if !later.is_empty() {
            let numbers: Vec<String> = later.iter().map(u32::to_string).collect();
            remark(&format!(
                "The entries after the end of backup {generation} come from the later backups {}.",
                numbers.join(", ")
            ));
        }
        remark(&about_clock(*clock));
        if *left_out > 0 {
            remark(&format!(
                "{left_out} entries of the backup came after that and were left out."
            ));
        }
        self.say_erasures(restored);
        Ok(())
    }

    fn say_erasures(
        &self,
        Restored {
            erasures,
            erased_calls,
            ..
        }: &Restored,
    ) {
        if erasures.is_empty() {
            return;
        }
        let list: Vec<String> = erasures
            .iter()
            .map(|one| {
                format!(
                    "  {} of {}: {} calls, {}",
                    one.erasure.id,
                    local(one.erasure.started_at.0),
                    one.erasure.calls.len(),
                    one.erasure.reason
                )
            })
            .collect();
        remark(&format!(
            "{} erasures were made after this backup:\n{}",
            erasures.len(),
            list.join("\n")
        ));
        remark(&if self.without_erasures {
            "They were NOT applied again: data of these callers is back. Erase them with `aftercall erase caller`."
                .to_owned()
        } else {
            format!(
                "They are applied again: {erased_calls} calls are masked, and the server scrubs its files once it runs (`aftercall erase list`)."
            )
        });
    }
}

/// How many timers fire when the server starts; unknown where it may hold them.
fn due(clock: ClockAtStart) -> Option<u64> {
    match clock {
        ClockAtStart::Continues { due, .. } => Some(due),
        ClockAtStart::Held | ClockAtStart::Unbelievable { .. } => None,
    }
}

/// What happens to timers at the start of the server, and what to type next.
fn about_clock(clock: ClockAtStart) -> String {
    match clock {
        ClockAtStart::Continues { from, due: 0 } => {
            format!("The server's time continues from {}. No timer has come due since the backup.", local(from.0))
        }
        ClockAtStart::Continues { from, due } => format!(
            "The server's time continues from {}. {due} timers have come due since the backup and FIRE when the server starts. To look at the \
             data first, restore with --hold-timers into another directory.",
            local(from.0)
        ),
        ClockAtStart::Held => {
            "The server will start not ready and with its timers held: check the data, then run `aftercall server accept-clock`."
                .to_owned()
        }
        ClockAtStart::Unbelievable { wall } => format!(
            "This machine's clock shows {}, which does not go with the backup. The server will start not ready and with its timers held: set the \
             clock right, or, if it is right, run `aftercall server accept-clock`.",
            local(wall.0)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_that_fire_at_the_start_are_announced() {
        let now = Time(1_795_000_000_000);
        let fires = about_clock(ClockAtStart::Continues { from: now, due: 41 });
        assert!(
            fires.contains("41 timers")
                && fires.contains("FIRE")
                && fires.contains("--hold-timers"),
            "{fires}"
        );
        for held in [ClockAtStart::Held, ClockAtStart::Unbelievable { wall: now }] {
            let held = about_clock(held);
            assert!(
                held.contains("aftercall server accept-clock") && held.contains("not ready"),
                "{held}"
            );
        }
    }
}
