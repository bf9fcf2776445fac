//! Starting a batch: to which instances, why, and what a dry run shows.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    BatchItemState, BatchWork, FollowUpFilter, GetFollowUpRequest, InstanceFilter,
    ListFollowUpsRequest, PushWork, StartBatchRequest, StartBatchResponse, Value, WorkflowStage,
};
use clap::Args;

use super::shown::{cells, progress_line};
use crate::commands::instance_filter::Filter;
use crate::confirm::Sure;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, sentence};
use crate::{connect, values, wording};

const TRIED: Table<'_> = Table {
    columns: &[id("id"), sentence("would be", 1), name("in stage", 2)],
    empty: "No instance matches.",
};

/// To which instances, why, and how fast.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// To this instance; may be repeated. Without it, to all that the filter lets through
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    pub(super) filter: Filter,
    /// The reason, for each history; of a push or a snooze its note, which may be empty
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

/// Starts a batch, or shows what it would do. Asks before what cannot be undone.
pub(super) async fn start(session: &Session, work: Kind, target: Target) -> Result<(), Failure> {
    start_with(session, (work, &[]), target).await
}

/// Starts a batch of pushes with the values of a form.
pub(super) async fn start_push(
    session: &Session,
    (work, form): (PushWork, &[(String, String)]),
    target: Target,
) -> Result<(), Failure> {
    start_with(session, (Kind::Push(work), form), target).await
}

async fn start_with(
    session: &Session,
    (mut work, form): (Kind, &[(String, String)]),
    target: Target,
) -> Result<(), Failure> {
    let filter = target.filter.resolve(session).await?;
    let is_named = !target.ids.is_empty();
    let is_desk_work = matches!(work, Kind::Push(_) | Kind::Snooze(_) | Kind::Claim(_));
    let (filter, follow_up_filter) = match (is_named, is_desk_work) {
        (true, _) => (None, None),
        (false, true) => (None, Some(follow_ups(filter)?)),
        (false, false) => (Some(filter), None),
    };
    if let Kind::Push(push) = &mut work
        && !form.is_empty()
    {
        let of = (target.ids.first(), follow_up_filter.as_ref());
        push.form = typed_form(session, &push.button_id, form, of).await?;
    }
    let (dry_run, sure) = (target.dry_run, target.sure);
    let asked = doubt(&work).filter(|_| !dry_run && !sure.is_given());
    let mut request = StartBatchRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        work: Some(BatchWork { kind: Some(work) }),
        filter,
        follow_up_filter,
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
    show_tried(session, &answer)
}

/// The values of a form in the types that the button declares on the first of the follow-ups.
async fn typed_form(
    session: &Session,
    button_id: &str,
    form: &[(String, String)],
    (id, filter): (Option<&String>, Option<&FollowUpFilter>),
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut client = session.to.calls().await?;
    let instance_id = if let Some(id) = id {
        id.clone()
    } else {
        let request = ListFollowUpsRequest {
            filter: filter.cloned(),
            page_size: 1,
            read_mask: session.read_mask(&["instance_id"]),
            ..ListFollowUpsRequest::default()
        };
        let rows = client.list_follow_ups(request).await?.into_inner().rows;
        let first = rows.into_iter().find_map(|row| row.follow_up);
        first.unwrap_or_default().instance_id
    };
    if instance_id.is_empty() {
        return Ok(BTreeMap::new());
    }
    let request = GetFollowUpRequest {
        instance_id,
        read_mask: None,
    };
    let read = client.get_follow_up(request).await?.into_inner();
    let buttons = read.follow_up.unwrap_or_default().buttons;
    let button = buttons.iter().find(|button| button.id == button_id);
    let declared = button.map_or(&[][..], |button| &button.form);
    values::typed(form, declared, (button_id, &values::zone(&read.time_zone)?))
}

/// What a dry run found.
fn show_tried(session: &Session, answer: &StartBatchResponse) -> Result<(), Failure> {
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

/// The same filter for follow-ups that Call Managers list.
fn follow_ups(filter: InstanceFilter) -> Result<FollowUpFilter, Failure> {
    let stage = |number: &u32| {
        let of = |workflow: &String| WorkflowStage {
            workflow: workflow.clone(),
            stage: *number,
        };
        filter.workflows.iter().map(of).collect::<Vec<_>>()
    };
    let stages: Vec<WorkflowStage> = filter.stages.iter().flat_map(stage).collect();
    if stages.is_empty() && !filter.stages.is_empty() {
        return Err(Failure::usage("A --stage needs its --workflow."));
    }
    let used = FollowUpFilter {
        teams: filter.teams.clone(),
        customers: filter.customers.clone(),
        workflows: filter.workflows.clone(),
        stages,
        priorities: filter.priorities.clone(),
        holders: filter.holders.clone(),
        unclaimed: filter.unclaimed.unwrap_or_default(),
        ..FollowUpFilter::default()
    };
    let rest = InstanceFilter {
        teams: Vec::new(),
        customers: Vec::new(),
        workflows: Vec::new(),
        stages: Vec::new(),
        priorities: Vec::new(),
        holders: Vec::new(),
        unclaimed: None,
        ..filter
    };
    if rest == InstanceFilter::default() {
        Ok(used)
    } else {
        Err(Failure::usage(
            "This is done to what Call Managers list: select it with --workflow, --stage, --team, --customer, --priority, --holder and --unclaimed, or name it with --id.",
        ))
    }
}

/// The question for work that cannot be undone; none for work that another command reverses.
fn doubt(work: &Kind) -> Option<&'static str> {
    match work {
        Kind::Cancel(_) => Some("cancels"),
        Kind::Move(_) => Some("moves"),
        Kind::Migrate(_) => Some("migrates"),
        Kind::Pause(_)
        | Kind::Resume(_)
        | Kind::HandOver(_)
        | Kind::Push(_)
        | Kind::Snooze(_)
        | Kind::Claim(_) => None,
    }
}
