//! `aftercall restore`: a data directory out of a backup.

use std::path::PathBuf;

use aftercall_engine::time::Time;
use clap::Args;
use prost_types::Timestamp;
use workflow_server::backup::{BackupDirectory, RestoreOptions, Restored, Until, restore};

use super::{bytes_bar, failed, local, millis};
use crate::{errors::Failure, output::remark, session::Session, time};

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
    /// Bring erased callers' data back
    #[arg(long)]
    yes: bool,
}

impl Restore {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
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
        };
        let directory = BackupDirectory::open(&self.from).map_err(|error| failed(&error))?;
        let newest = directory.newest().map_err(|error| failed(&error))?;
        drop(directory);
        let bar = bytes_bar(newest.bytes()).with_message("Checking");
        let restored = restore(&self.from, &self.data_dir, &options, &|bytes| bar.inc(bytes)).await;
        bar.finish_and_clear();
        self.say(session, &restored.map_err(|error| failed(&error))?)
    }

    fn say(&self, session: &Session, restored: &Restored) -> Result<(), Failure> {
        let Restored { generation, sequence, at, left_out, erasures, erased_calls, files } = restored;
        let ids: Vec<u64> = erasures.iter().map(|one| one.erasure.id).collect();
        if session.output.is_json() {
            return session.output.json(&serde_json::json!({
                "generation": generation,
                "sequence": sequence,
                "at_millis": at.0,
                "left_out_entries": left_out,
                "erasures_since": ids,
                "erased_again_calls": erased_calls,
                "files": files,
            }));
        }
        let data_dir = self.data_dir.display();
        session.output.line(&format!(
            "Restored backup {generation} into {data_dir}: it stands at entry {sequence}, {}. Start the server with --data-dir {data_dir}.",
            local(at.0)
        ))?;
        if *left_out > 0 {
            remark(&format!("{left_out} entries of the backup came after that and were left out."));
        }
        if ids.is_empty() {
            return Ok(());
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
        remark(&format!("{} erasures were made after this point:\n{}", ids.len(), list.join("\n")));
        remark(&if self.without_erasures {
            "They were NOT applied again: data of these callers is back. Erase them with `aftercall erase caller`."
                .to_owned()
        } else {
            format!(
                "They are applied again: {erased_calls} calls are masked, and the server scrubs its files once it runs (`aftercall erase list`)."
            )
        });
        Ok(())
    }
}
