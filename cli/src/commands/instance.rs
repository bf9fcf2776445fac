//! `aftercall instance`: looks at instances as ops do, hidden and ended ones too, and cancels them.
//!
//! Promise: a list is whole, over as many pages as there are. Must not: act as a Call Manager.

use aftercall_proto::workflow::v1::{
    CancelInstanceRequest, CountInstancesRequest, ExplainInstanceRequest, FollowUp,
    GetInstanceRequest, GroupBy, InstanceFilter, ListInstancesRequest, MoveInstanceRequest,
};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::commands::instance_filter::{Ended, Filter};
use crate::commands::instance_page::page;
use crate::commands::{migrate, names, stages, stuck};
use crate::confirm::Sure;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, whole};
use crate::values::call_name;
use crate::{connect, time, wording};

/// The largest page that the server returns.
const PAGE_SIZE: u32 = 1_000;

const ROWS: Table<'_> = Table {
    columns: &[
        id("id"),
        name("workflow", 1),
        whole("version", 6),
        whole("call", 8),
        name("customer", 7),
        name("status", 2),
        name("stage", 3),
        name("team", 10),
        whole("due", 4),
        whole("started", 5),
        whole("visible", 9),
    ],
    empty: "No instance is like that.",
};

/// Fields of an instance that a row shows.
const SHOWN: [&str; 12] = [
    "workflow",
    "version",
    "call.ref",
    "call.customer",
    "status",
    "outcome",
    "stage",
    "last_stage",
    "alerts",
    "due",
    "started_at",
    "visible",
];

const GROUPS: Table<'_> = Table {
    columns: &[
        name("group", 0),
        whole("count", 1),
        whole("overdue", 2),
        whole("hidden", 3),
        whole("oldest", 4),
    ],
    empty: "No instance is like that.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum Instance {
    /// Show an instance: alerts, buttons with what they ask, timers, fields
    #[command(after_help = "Example:\n  aftercall instance show ID")]
    Show {
        /// Which instance
        id: String,
    },
    /// List instances, oldest first
    #[command(
        after_help = "Examples:\n  aftercall instance list --hidden\n  aftercall instance list --workflow refund --overdue\n  aftercall instance list --archived --ended-within 7d"
    )]
    List(Box<Listed>),
    /// Count instances in groups
    #[command(after_help = "Example:\n  aftercall instance count --by stage --workflow refund")]
    Count(Box<Count>),
    /// Explain in plain words why an instance waits and what would move it
    #[command(after_help = "Example:\n  aftercall instance explain ID")]
    Explain {
        /// Which instance
        id: String,
    },
    /// Move an instance to a stage of its workflow, independent of its buttons, with a reason
    #[command(
        after_help = "Example:\n  aftercall instance move ID --to-stage 'After Approve' --reason 'Rejected by mistake'"
    )]
    Move {
        /// Which instance
        id: String,
        /// The stage: its number, or its title in the instance's version
        #[arg(long, value_name = "STAGE")]
        to_stage: String,
        /// The reason, for the history
        #[arg(long)]
        reason: String,
    },
    /// Migrate an instance to another version of its workflow: in its stage, with its clocks as
    /// they are
    #[command(
        after_help = "Example:\n  aftercall instance migrate ID --to-version 3 --reason 'the new form'"
    )]
    Migrate(migrate::Migrate),
    /// List work that is stuck, longest first, with why
    Stuck(stuck::StuckWork),
    /// List overdue timers, escalations, leases, snoozes and pauses that have not fired
    Timers(stuck::OverdueTimers),
    /// Cancel an instance, with a reason
    #[command(after_help = "Example:\n  aftercall instance cancel ID --reason 'Caller withdrew'")]
    Cancel {
        /// Which instance
        id: String,
        /// The reason, for the history
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        sure: Sure,
    },
}

/// How many rows of the archive are shown where nothing is said.
const ARCHIVED_SHOWN: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Listed {
    #[command(flatten)]
    filter: Filter,
    /// Those that have ended and left memory, newest first
    #[arg(long)]
    archived: bool,
    #[command(flatten)]
    ended: Ended,
    /// The most rows to show [default: all; out of the archive 1000]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Count {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    ended: Ended,
    /// In which groups
    #[arg(long, value_enum, default_value = "workflow")]
    by: By,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Nothing,
    Workflow,
    Version,
    Stage,
    Status,
    Team,
    Customer,
    Holder,
    Priority,
    Age,
    Due,
    Hidden,
}

impl Instance {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Show { id } => show(session, id).await,
            Self::List(listed) => {
                let Listed {
                    filter,
                    archived,
                    ended,
                    limit,
                } = *listed;
                let filter = InstanceFilter {
                    archived,
                    ..ended
                        .narrow(session, filter.resolve(session).await?)
                        .await?
                };
                list(session, filter, limit).await
            }
            Self::Count(count) => count.run(session).await,
            Self::Explain { id } => explain(session, id).await,
            Self::Move {
                id,
                to_stage,
                reason,
            } => move_to(session, id, (to_stage, reason)).await,
            Self::Migrate(migrate) => migrate.run(session).await,
            Self::Stuck(stuck) => stuck.run(session).await,
            Self::Timers(timers) => timers.run(session).await,
            Self::Cancel { id, reason, sure } => {
                sure.ask(&format!("Cancelling {id} cannot be undone. Cancel it?"))?;
                cancel(session, id, reason).await
            }
        }
    }
}

async fn show(session: &Session, id: String) -> Result<(), Failure> {
    let request = GetInstanceRequest {
        instance_id: id.clone(),
        read_mask: None,
    };
    let answer = session
        .to
        .operations()
        .await?
        .get_instance(request)
        .await?
        .into_inner();
    let instance = answer
        .instance
        .ok_or_else(|| Failure::not_found(format!("There is no instance {id}.")))?;
    let now = session.now().await?;
    session
        .output
        .one(&instance, || page(session.output, &instance, now))
}

async fn list(
    session: &Session,
    filter: InstanceFilter,
    limit: Option<usize>,
) -> Result<(), Failure> {
    // Of what is in memory all are shown; an archive of years is not what anybody reads.
    let limit = limit.unwrap_or(if filter.archived {
        ARCHIVED_SHOWN
    } else {
        usize::MAX
    });
    let mut client = session.to.operations().await?;
    let (mut instances, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListInstancesRequest {
            filter: Some(filter.clone()),
            page_size: PAGE_SIZE,
            page_token,
            read_mask: session.read_mask(&SHOWN),
        };
        let page = client.list_instances(request).await?.into_inner();
        instances.extend(page.instances);
        page_token = page.next_page_token;
        if page_token.is_empty() || instances.len() >= limit {
            break;
        }
    }
    let has_more = !page_token.is_empty() || instances.len() > limit;
    instances.truncate(limit);
    let now = session.now().await?;
    session
        .output
        .list(&instances, &ROWS, |instance| cells(instance, now))?;
    if instances.is_empty() {
        names::advise_customers(session, &filter.customers).await;
    }
    if has_more {
        remark("There are more: use --limit, or a narrower filter.");
    }
    Ok(())
}

fn cells(instance: &FollowUp, now: Timestamp) -> Vec<String> {
    let call = instance.call.as_ref();
    vec![
        instance.instance_id.clone(),
        instance.workflow.clone(),
        instance.version.to_string(),
        call_name(call.and_then(|call| call.r#ref.as_ref())),
        call.map(|call| call.customer.clone()).unwrap_or_default(),
        wording::ending(instance.status(), &instance.outcome),
        wording::stage_of(instance),
        instance
            .alerts
            .first()
            .map(wording::teams)
            .unwrap_or_default(),
        time::relative(instance.due.as_ref(), now),
        time::local(instance.started_at.as_ref()),
        if instance.visible { "yes" } else { "no" }.to_owned(),
    ]
}

impl Count {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let group_by = match self.by {
            By::Nothing => GroupBy::Unspecified,
            By::Workflow => GroupBy::Workflow,
            By::Version => GroupBy::Version,
            By::Stage => GroupBy::Stage,
            By::Status => GroupBy::Status,
            By::Team => GroupBy::Team,
            By::Customer => GroupBy::Customer,
            By::Holder => GroupBy::Holder,
            By::Priority => GroupBy::Priority,
            By::Age => GroupBy::Age,
            By::Due => GroupBy::Due,
            By::Hidden => GroupBy::Hidden,
        };
        let filter = self
            .ended
            .narrow(session, self.filter.resolve(session).await?)
            .await?;
        let request = CountInstancesRequest {
            filter: Some(filter),
            group_by: group_by.into(),
        };
        let answer = session
            .to
            .operations()
            .await?
            .count_instances(request)
            .await?
            .into_inner();
        session.output.list(&answer.counts, &GROUPS, |count| {
            let oldest = time::local(count.oldest_started_at.as_ref());
            let [all, overdue, hidden] =
                [count.count, count.overdue, count.hidden].map(|number| number.to_string());
            vec![count.group.clone(), all, overdue, hidden, oldest]
        })?;
        if answer.total > 0 {
            remark(&format!("{} in all.", answer.total));
        }
        if answer.archived > 0 {
            remark(&format!(
                "{} more are in the archive: `aftercall instance list --archived`.",
                answer.archived
            ));
        }
        Ok(())
    }
}

async fn explain(session: &Session, id: String) -> Result<(), Failure> {
    let request = ExplainInstanceRequest {
        instance_id: id,
        read_mask: session.read_mask(&["instance_id"]),
    };
    let answer = session
        .to
        .operations()
        .await?
        .explain_instance(request)
        .await?
        .into_inner();
    session.output.one(&answer, || answer.sentences.clone())
}

async fn move_to(
    session: &Session,
    id: String,
    (stage, reason): (String, String),
) -> Result<(), Failure> {
    let stage = match stage.parse() {
        Ok(number) => number,
        Err(_) => {
            let request = GetInstanceRequest {
                instance_id: id.clone(),
                read_mask: Some(connect::read_mask(&["workflow", "version"])),
            };
            let found = session
                .to
                .operations()
                .await?
                .get_instance(request)
                .await?
                .into_inner();
            let instance = found.instance.unwrap_or_default();
            stages::number_in(session, &instance.workflow, instance.version, &stage).await?
        }
    };
    let request = MoveInstanceRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        instance_id: id.clone(),
        stage,
        reason,
        expected_revision: None,
        read_mask: None,
    };
    let answer = session
        .to
        .operations()
        .await?
        .move_instance(request)
        .await?
        .into_inner();
    session.output.one(&answer, || {
        let after = answer.instance.clone().unwrap_or_default();
        let stage = wording::stage_of(&after);
        vec![format!(
            "Moved {id}: {} in stage {stage}.",
            wording::ending(after.status(), &after.outcome)
        )]
    })
}

async fn cancel(session: &Session, id: String, reason: String) -> Result<(), Failure> {
    let request = CancelInstanceRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        instance_id: id.clone(),
        reason,
        expected_revision: None,
        read_mask: None,
    };
    let answer = session
        .to
        .operations()
        .await?
        .cancel_instance(request)
        .await?
        .into_inner();
    session
        .output
        .one(&answer, || vec![format!("Cancelled {id}.")])
}
