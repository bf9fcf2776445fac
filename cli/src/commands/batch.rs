//! `aftercall batch`: one thing done to many instances, as a durable job of the server.
//!
//! Promise: nothing is started without a reason, and a dry run starts nothing. Must not: do the
//! items itself.

mod shown;
mod starting;

use std::time::Duration;

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    Batch as Job, CancelWork, ClaimWork, GetBatchRequest, HandOverWork, ListBatchItemsRequest,
    ListBatchesRequest, MigrateWork, MoveWork, PauseWork, PushWork, ResumeWork, SnoozeWork,
    StopBatchRequest,
};
use clap::Subcommand;
use shown::{cells, progress_line, state, what};
use starting::{Target, start, start_push};

use super::instance_filter::Filter;
use super::{names, stages};
use crate::errors::Failure;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::{connect, time, values};

/// The largest page that the server returns.
const PAGE_SIZE: u32 = 1_000;

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
        #[arg(long, value_name = "NAME", required_unless_present_any = ["to_team", "release"])]
        to_person: Option<String>,
        /// To this team
        #[arg(long, value_name = "TEAM", conflicts_with = "to_person")]
        to_team: Option<String>,
        /// Back to the teams of their alerts: nobody holds them afterwards
        #[arg(long, conflicts_with_all = ["to_person", "to_team"])]
        release: bool,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Push the same button on many follow-ups; the reason is the note of each push
    #[command(
        after_help = "Example:\n  aftercall batch push --button approve --stage 1 --workflow refund --reason 'checked by Kim' --dry-run\n  aftercall batch push --button paid --stage 2 --workflow refund --form reference=R7 --reason ''"
    )]
    Push {
        /// The id of the button
        #[arg(long, value_name = "BUTTON")]
        button: String,
        /// A value of the button's form, the same for each; may be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = values::parse_pair)]
        form: Vec<(String, String)>,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Hide the alerts of many follow-ups
    #[command(
        after_help = "Example:\n  aftercall batch snooze --for 18h --team billing --reason 'the bank is closed'"
    )]
    Snooze {
        /// For how long
        #[arg(long = "for", value_name = "SPAN", value_parser = time::parse_span)]
        span: Duration,
        #[command(flatten)]
        target: Box<Target>,
    },
    /// Claim many follow-ups
    #[command(
        after_help = "Example:\n  aftercall batch claim --customer Acme --unclaimed --reason 'my customer'"
    )]
    Claim {
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
                release,
                target,
            } => {
                names::check(session, to_team.as_slice(), &[]).await?;
                let work = HandOverWork {
                    to_person: to_person.unwrap_or_default(),
                    to_team: to_team.unwrap_or_default(),
                    release,
                    ..HandOverWork::default()
                };
                start(session, Kind::HandOver(work), *target).await
            }
            Self::Push {
                button,
                form,
                target,
            } => push(session, (button, &form), *target).await,
            Self::Snooze { span, target } => {
                let until = Some(time::from_now(session.now().await?, span));
                start(session, Kind::Snooze(SnoozeWork { until }), *target).await
            }
            Self::Claim { target } => {
                start(session, Kind::Claim(ClaimWork { lease: None }), *target).await
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

async fn push(
    session: &Session,
    (button_id, form): (String, &[(String, String)]),
    target: Target,
) -> Result<(), Failure> {
    let stage = target.filter.only_stage();
    let stage =
        stage.ok_or_else(|| Failure::usage("Name the stage of the button with one --stage."))?;
    let stage = stage_number(session, stage, &target.filter).await?;
    let work = PushWork {
        button_id,
        stage,
        ..PushWork::default()
    };
    start_push(session, (work, form), target).await
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
