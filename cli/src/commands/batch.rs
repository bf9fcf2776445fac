//! `aftercall batch`: one thing done to many instances, as a durable job of the server.
//!
//! Promise: nothing is started without a reason, and a dry run starts nothing. Must not: do the
//! items itself.

use std::time::Duration;

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    Batch as Job, BatchItem, BatchItemState, BatchState, BatchWork, CancelWork, GetBatchRequest,
    HandOverWork, ListBatchItemsRequest, ListBatchesRequest, MigrateWork, MoveWork, PauseWork,
    ResumeWork, StartBatchRequest, StopBatchRequest,
};
use clap::{Args, Subcommand};

use super::instance_filter::Filter;
use super::{names, stages};
use crate::confirm::Sure;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::{connect, time, values, wording};

/// The largest page that the server returns.
const PAGE_SIZE: u32 = 1_000;

const TRIED: Table<'_> = Table {
    columns: &[id("id"), sentence("would be", 1), name("in stage", 2)],
    empty: "No instance matches.",
};

const BATCHES: Table<'_> = Table {
    columns: &[
        id("batch"),
        name("what", 1),
        whole("state", 2),
        whole("done", 3),
        whole("refused", 4),
        whole("of", 5),
        name("by", 7),
        whole("started", 6),
        sentence("why", 8),
    ],
    empty: "There is no batch.",
};

const ITEMS: Table<'_> = Table {
    columns: &[id("id"), sentence("result", 1)],
    empty: "The batch has no such item.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum Batch {
    /// Move many instances to a stage
    #[command(
        after_help = "Example:\n  aftercall batch move --to-stage 1 --workflow refund --status incomplete --reason 'mended' --dry-run"
    )]
    Move {
        /// The stage: its number, or with one --workflow its title
        #[arg(long, value_name = "STAGE")]
        to_stage: String,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Migrate many instances to another version of their workflow; all are checked before the
    /// first is migrated
    #[command(
        after_help = "Example:\n  aftercall batch migrate --to-version 3 --map 2=5 --workflow refund --reason 'the new form' --dry-run"
    )]
    Migrate {
        /// The version
        #[arg(long, value_name = "N")]
        to_version: u32,
        /// Map a stage that the version does not have to the stage to use instead; may be repeated
        #[arg(long = "map", value_name = "FROM=TO", value_parser = values::parse_mapping)]
        mapped: Vec<(u32, u32)>,
        /// Start even if some would be refused
        #[arg(long)]
        allow_refused: bool,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Stop the clocks of many instances
    #[command(
        after_help = "Example:\n  aftercall batch pause --team dispatch --for 12h --reason 'storm'"
    )]
    Pause {
        /// For how long [default: until somebody resumes them]
        #[arg(long = "for", value_name = "SPAN", value_parser = time::parse_span)]
        span: Option<Duration>,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Resume the clocks of many instances
    #[command(
        after_help = "Example:\n  aftercall batch resume --status paused --team dispatch --reason 'the storm is over'"
    )]
    Resume {
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Cancel many instances
    #[command(
        after_help = "Example:\n  aftercall batch cancel --workflow brochure --older-than 90d --reason 'out of print'"
    )]
    Cancel {
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Give many instances to a person or a team
    #[command(
        after_help = "Example:\n  aftercall batch hand-over --team billing --to-team payments --reason 'billing is closed'"
    )]
    HandOver {
        /// To this person
        #[arg(long, value_name = "NAME", required_unless_present = "to_team")]
        to_person: Option<String>,
        /// To this team
        #[arg(long, value_name = "TEAM", conflicts_with = "to_person")]
        to_team: Option<String>,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// List batches, newest first
    #[command(after_help = "Example:\n  aftercall batch list")]
    List,
    /// Show how far a batch is
    #[command(after_help = "Example:\n  aftercall batch show 4711")]
    Show {
        /// Which batch
        batch: u64,
    },
    /// List the items of a batch with the result of each
    #[command(after_help = "Example:\n  aftercall batch items 4711 --refused")]
    Items {
        /// Which batch
        batch: u64,
        /// Only those that were refused
        #[arg(long)]
        refused: bool,
    },
    /// Stop a batch; what has been done stays done
    #[command(after_help = "Example:\n  aftercall batch stop 4711 --reason 'wrong filter'")]
    Stop {
        /// Which batch
        batch: u64,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// To which instances, why, and how fast.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// To this instance; may be repeated. Without it, to all that the filter lets through
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// The reason, for each history
    #[arg(long)]
    reason: String,
    /// At most this many a second [default: 100]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    per_second: u32,
    /// Start nothing, and show what each result would be
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    sure: Sure,
}

impl Batch {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Move { to_stage, target } => {
                let stage = stage_number(session, &to_stage, &target.filter).await?;
                start(session, Kind::Move(MoveWork { stage }), *target).await
            }
            Self::Migrate {
                to_version,
                mapped,
                allow_refused,
                target,
            } => {
                let work = MigrateWork {
                    to_version,
                    stages: values::mappings(&mapped),
                    allow_refused,
                };
                start(session, Kind::Migrate(work), *target).await
            }
            Self::Pause { span, target } => {
                let now = session.now().await?;
                let until = span.map(|span| time::from_now(now, span));
                start(session, Kind::Pause(PauseWork { until }), *target).await
            }
            Self::Resume { target } => start(session, Kind::Resume(ResumeWork {}), *target).await,
            Self::Cancel { target } => start(session, Kind::Cancel(CancelWork {}), *target).await,
            Self::HandOver {
                to_person,
                to_team,
                target,
            } => {
                names::check(session, to_team.as_slice(), &[]).await?;
                let work = HandOverWork {
                    to_person: to_person.unwrap_or_default(),
                    to_team: to_team.unwrap_or_default(),
                    ..HandOverWork::default()
                };
                start(session, Kind::HandOver(work), *target).await
            }
            Self::List => list(session).await,
            Self::Show { batch } => show(session, batch).await,
            Self::Items { batch, refused } => items(session, batch, refused).await,
            Self::Stop { batch, reason } => stop(session, batch, reason).await,
        }
    }
}

async fn show(session: &Session, batch_id: u64) -> Result<(), Failure> {
    let mut client = session.to.operations().await?;
    let answer = client.get_batch(GetBatchRequest { batch_id }).await?;
    let batch = answer.into_inner().batch.unwrap_or_default();
    session.output.one(&batch, || vec![progress_line(&batch)])
}

/// The number of a stage; a title is one of the newest version of the one workflow that the filter
/// names.
async fn stage_number(session: &Session, named: &str, filter: &Filter) -> Result<u32, Failure> {
    match (named.parse(), filter.only_workflow()) {
        (Ok(number), _) => Ok(number),
        (Err(_), Some(workflow)) => stages::number_in(session, workflow, 0, named).await,
        (Err(_), None) => Err(Failure::usage(
            "A stage by its title needs one --workflow; or give its number.",
        )),
    }
}

async fn start(session: &Session, work: Kind, target: Target) -> Result<(), Failure> {
    let filter = target.filter.resolve(session).await?;
    let (dry_run, sure) = (target.dry_run, target.sure);
    let asked = doubt(&work).filter(|_| !dry_run && !sure.is_given());
    let mut request = StartBatchRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        work: Some(BatchWork { kind: Some(work) }),
        filter: target.ids.is_empty().then_some(filter),
        instance_ids: target.ids,
        reason: target.reason,
        per_second: target.per_second,
        dry_run: dry_run || asked.is_some(),
    };
    let mut client = session.to.operations().await?;
    if let Some(what) = asked {
        let found = client.start_batch(request.clone()).await?.into_inner();
        sure.ask(&format!(
            "This {what} {} instances and cannot be undone. Start?",
            found.items.len()
        ))?;
        request.dry_run = false;
    }
    let answer = client.start_batch(request).await?.into_inner();
    if !dry_run {
        let job = answer.batch.unwrap_or_default();
        session.output.one(&job, || vec![progress_line(&job)])?;
        return Ok(());
    }
    session.output.list(&answer.items, &TRIED, |item| {
        let mut cells = cells(item, wording::status(item.would_be()));
        cells.push(wording::stage(item.would_be_in.as_ref()));
        cells
    })?;
    if answer
        .items
        .iter()
        .any(|item| matches!(&*item.reason, "STAGE_GONE" | "WOULD_BE_STUCK"))
    {
        remark(
            "`--map FROM=TO` says to which stage they go: the stage they are in, and one of the version.",
        );
    }
    let refused = answer
        .items
        .iter()
        .filter(|item| item.state() == BatchItemState::Refused)
        .count();
    remark(&format!(
        "{} match; {refused} of {} would be refused. Nothing was done.",
        answer.matched,
        answer.items.len()
    ));
    Ok(())
}

/// The question for work that cannot be undone; none for work that another command reverses.
fn doubt(work: &Kind) -> Option<&'static str> {
    match work {
        Kind::Cancel(_) => Some("cancels"),
        Kind::Move(_) => Some("moves"),
        Kind::Migrate(_) => Some("migrates"),
        Kind::Pause(_) | Kind::Resume(_) | Kind::HandOver(_) => None,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session
        .to
        .operations()
        .await?
        .list_batches(ListBatchesRequest {})
        .await?
        .into_inner();
    let now = session.now().await?;
    session.output.list(&answer.batches, &BATCHES, |job: &Job| {
        vec![
            job.id.to_string(),
            what(job),
            state(job.state()).to_owned(),
            job.done.to_string(),
            job.refused.to_string(),
            job.items.to_string(),
            job.actor.clone(),
            time::relative(job.started_at.as_ref(), now),
            job.reason.clone(),
        ]
    })
}

async fn items(session: &Session, batch: u64, refused_only: bool) -> Result<(), Failure> {
    let mut client = session.to.operations().await?;
    let (mut items, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListBatchItemsRequest {
            batch_id: batch,
            refused_only,
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = client.list_batch_items(request).await?.into_inner();
        items.extend(page.items);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    session
        .output
        .list(&items, &ITEMS, |item| cells(item, "done"))
}

async fn stop(session: &Session, batch: u64, reason: String) -> Result<(), Failure> {
    let request = StopBatchRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        batch_id: batch,
        reason,
    };
    let answer = session
        .to
        .operations()
        .await?
        .stop_batch(request)
        .await?
        .into_inner();
    let job = answer.batch.unwrap_or_default();
    session.output.one(&job, || vec![progress_line(&job)])
}

fn cells(item: &BatchItem, done: &str) -> Vec<String> {
    let result = match item.state() {
        BatchItemState::Refused if item.detail.is_empty() => format!("refused: {}", item.reason),
        BatchItemState::Refused => format!("refused: {}: {}", item.reason, item.detail),
        BatchItemState::Done => done.to_owned(),
        BatchItemState::Pending | BatchItemState::Unspecified => "still to do".to_owned(),
    };
    vec![item.instance_id.clone(), result]
}

fn progress_line(job: &Job) -> String {
    let Job {
        id,
        done,
        refused,
        items,
        matched,
        ..
    } = job;
    let rest = match matched.saturating_sub(u64::from(*items)) {
        0 => String::new(),
        rest => format!(" {rest} more matched: start another for them."),
    };
    format!(
        "Batch {id} ({}) is {}: {done} done, {refused} refused, of {items}.{rest}",
        what(job),
        state(job.state())
    )
}

fn what(job: &Job) -> String {
    match job.work.as_ref().and_then(|work| work.kind.as_ref()) {
        Some(Kind::Move(work)) => format!("move to stage {}", work.stage),
        Some(Kind::Migrate(work)) => format!("migrate to version {}", work.to_version),
        Some(Kind::Pause(_)) => "pause".to_owned(),
        Some(Kind::Resume(_)) => "resume".to_owned(),
        Some(Kind::Cancel(_)) => "cancel".to_owned(),
        Some(Kind::HandOver(work)) if work.to_team.is_empty() => {
            format!("hand over to {}", work.to_person)
        }
        Some(Kind::HandOver(work)) => format!("hand over to team {}", work.to_team),
        None => String::new(),
    }
}

fn state(state: BatchState) -> &'static str {
    match state {
        BatchState::Unspecified => "",
        BatchState::Running => "running",
        BatchState::Stopped => "stopped",
        BatchState::Done => "done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_line_counts_what_remains() {
        let work = Some(BatchWork {
            kind: Some(Kind::Cancel(CancelWork {})),
        });
        let job = Job {
            id: 7,
            work,
            state: BatchState::Running.into(),
            items: 10,
            matched: 12,
            done: 3,
            ..Job::default()
        };
        let expected = "Batch 7 (cancel) is running: 3 done, 0 refused, of 10. 2 more matched: start another for them.";
        assert_eq!(progress_line(&job), expected);
    }
}
