//! Reports: reads the history of a period, says how far it is, and sends the numbers.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::entry::{Answer, Entry, InstanceChange};
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use aftercall_serving::log_context::LogContext;
use proto::report_response::Part;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::ledger::history::{History, HistoryError};
use crate::limits::{REPORT_PARTS_WAITING, REPORT_READ_ENTRIES, REPORTS_RUNNING_MAX};
use crate::reading::Lane;
use crate::report::{Earlier, Key, Numbers, Only, Report, Row, Standing};
use crate::service::ask::{Faults, requests};
use crate::service::say::refusal::Reason;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// The parts of a report.
pub(crate) type Responses = ReceiverStream<Result<proto::ReportResponse, Status>>;

type Parts = mpsc::Sender<Result<proto::ReportResponse, Status>>;

/// Starts a report; its parts come by the receiver. Dropping that ends it.
pub(crate) async fn report(
    shared: &Shared,
    asked: Asked<proto::ReportRequest>,
) -> Result<Responses, Refusal> {
    let request = &asked.request;
    let now = shared.ledger.now();
    let mut faults = Faults::default();
    faults.check_count("workflows", request.workflows.len());
    faults.check_count("customers", request.customers.len());
    let mut moment = |field: &str, stamp: Option<prost_types::Timestamp>| {
        let read = stamp.and_then(requests::time);
        if stamp.is_some() && read.is_none() {
            faults.add(field, "is not a moment");
        }
        read
    };
    let (from, to) = (moment("from", request.from), moment("to", request.to));
    let period = (
        from.unwrap_or_default(),
        to.unwrap_or(Time(now.0.saturating_add(1))),
    );
    if request.from.is_none() {
        faults.add("from", "must be given");
    } else if period.0 >= period.1 {
        faults.add("to", "must be later than from");
    }
    faults.check()?;
    let only = Only {
        workflows: requests::names(&request.workflows),
        customers: requests::names(&request.customers),
        reach: shared.reach().clone(),
    };
    let running = Arc::clone(&shared.reports).try_acquire_owned();
    let running = running
        .map_err(|_| refusal::exhausted(Reason::ReportsRunning, REPORTS_RUNNING_MAX as u64))?;
    let (parts, receiver) = mpsc::channel(REPORT_PARTS_WAITING);
    let (shared, runtime) = (shared.clone(), Handle::current());
    // It counts millions of entries: on a thread of its own, which waits for the files and for the
    // client.
    let rpc = LogContext::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(rpc.scope(run(&shared, period, &only, &parts, running)));
    });
    Ok(ReceiverStream::new(receiver))
}

async fn run(
    shared: &Shared,
    period: (Time, Time),
    only: &Only,
    parts: &Parts,
    _running: OwnedSemaphorePermit,
) {
    let view = shared.view();
    let end = period.1.min(Time(shared.ledger.now().0.saturating_add(1)));
    let gathered = gather_all(shared, &view, (period, only), parts).await;
    let sent = match gathered {
        Ok(Some(report)) => send(&view, report.finish(end), parts).await,
        // The client has gone away.
        Ok(None) => return,
        Err(refused) => parts.send(Err(refused.into())).await,
    };
    // Where this fails, the client has gone.
    drop(sent);
}

/// All that a report counts: what changed in the period, and what was open at its end without a
/// change in it. Nothing where the client has gone away meanwhile.
async fn gather_all(
    shared: &Shared,
    view: &View,
    (period, only): ((Time, Time), &Only),
    parts: &Parts,
) -> Result<Option<Report>, Refusal> {
    let history = shared.ledger.history();
    let of_history = |error: HistoryError| refusal::of_history(&error);
    let Some(mut report) = gather(history, view, (period, only), parts)
        .await
        .map_err(of_history)?
    else {
        return Ok(None);
    };
    gather_changed_later(history, view, (period.1, only), &mut report)
        .await
        .map_err(of_history)?;
    let (wanted, end) = (only.clone(), period.1);
    let open = shared.walk(Lane::Heavy, view.clone(), move |view, should_stop| {
        let is_wanted =
            |one: &Instance| one.started_at < end && view.lets_through_now(&wanted, one);
        view.open_instances(is_wanted, should_stop)
    });
    let open = open
        .await?
        .into_iter()
        .filter(|id| !report.is_known(*id))
        .collect();
    let gathered = gather_unchanged(history, view, open, (&mut report, parts))
        .await
        .map_err(of_history)?;
    Ok(gathered.map(|()| report))
}

/// Takes what was open when the period ended and changed only later: how it was before that change
/// is how it was then.
async fn gather_changed_later(
    history: &History,
    view: &View,
    (end, only): (Time, &Only),
    report: &mut Report,
) -> Result<(), HistoryError> {
    for (first, after) in runs_within(history, view, (end, Time::NEVER)).await? {
        let mut next = first;
        while next < after {
            let entries = history
                .entries(next, REPORT_READ_ENTRIES.min((after - next) as usize))
                .await?;
            next = entries.last().map_or(after, |entry| entry.sequence + 1);
            for entry in entries.iter().filter(|entry| entry.sequence < after) {
                for change in view.counted(only, entry) {
                    let id = change.after.id();
                    // What was set later is of no interest.
                    if id.made_at >= first || !report.needs_earlier(change) {
                        continue;
                    }
                    if let Some(earlier) = earlier(history, change).await? {
                        report.take_unchanged(id, change.after.workflow(), earlier);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Takes what is open and has not changed since before the period, oldest first; nothing where the
/// client has gone away meanwhile.
async fn gather_unchanged(
    history: &History,
    view: &View,
    open: Vec<InstanceId>,
    (report, parts): (&mut Report, &Parts),
) -> Result<Option<()>, HistoryError> {
    let mut read: Vec<Arc<Entry>> = Vec::new();
    let entries = open.len() as u64;
    for (at, id) in open.iter().enumerate() {
        if read.last().is_none_or(|last| last.sequence < id.made_at) {
            // Instances that were set one soon after the other are read together.
            let is_dense = open
                .get(at + REPORT_READ_ENTRIES / 10)
                .is_some_and(|later| {
                    later.made_at.saturating_sub(id.made_at) < REPORT_READ_ENTRIES as u64
                });
            read = history
                .entries(id.made_at, if is_dense { REPORT_READ_ENTRIES } else { 1 })
                .await?;
            let progress = proto::ReportProgress {
                read: at as u64,
                entries,
            };
            if parts
                .send(Ok(part(Part::Progress(progress))))
                .await
                .is_err()
            {
                return Ok(None);
            }
        }
        let made = read
            .binary_search_by_key(&id.made_at, |entry| entry.sequence)
            .ok()
            .and_then(|at| read.get(at));
        let promised = match made.map(|entry| &entry.answer) {
            Some(Answer::Set { promise_by, .. }) => *promise_by,
            _ => None,
        };
        if let Some(instance) = view.instance(*id) {
            report.take_unchanged(
                *id,
                instance.workflow,
                Earlier {
                    standing: Standing::of(instance),
                    promised,
                },
            );
        }
    }
    Ok(Some(()))
}

/// Reads the entries of the period; nothing where the client has gone away meanwhile.
async fn gather(
    history: &History,
    view: &View,
    ((from, to), only): ((Time, Time), &Only),
    parts: &Parts,
) -> Result<Option<Report>, HistoryError> {
    let runs = runs_within(history, view, (from, to)).await?;
    let entries: u64 = runs.iter().map(|(first, end)| end - first).sum();
    let (mut report, mut read) = (Report::default(), 0);
    for (first, end) in runs {
        let going = (read, entries);
        if gather_run(
            history,
            view,
            ((first, end), only),
            (&mut report, going),
            parts,
        )
        .await?
        .is_none()
        {
            return Ok(None);
        }
        read += end - first;
    }
    Ok(Some(report))
}

/// Reads the entries from `first` up to `end` without it; nothing where the client has gone away
/// meanwhile.
async fn gather_run(
    history: &History,
    view: &View,
    ((first, end), only): ((u64, u64), &Only),
    (report, (read, entries)): (&mut Report, (u64, u64)),
    parts: &Parts,
) -> Result<Option<()>, HistoryError> {
    let mut next = first;
    while next < end {
        let wanted = REPORT_READ_ENTRIES.min((end - next) as usize);
        for entry in history.entries(next, wanted).await? {
            // What outlived its retention is not there any more: what comes next may be later.
            if entry.sequence >= end {
                next = end;
                break;
            }
            for change in view.counted(only, &entry) {
                let earlier = if report.needs_earlier(change) {
                    earlier(history, change).await?
                } else {
                    None
                };
                report.take(&entry, change, earlier);
            }
            next = entry.sequence + 1;
        }
        let progress = proto::ReportProgress {
            read: read + next - first,
            entries,
        };
        if parts
            .send(Ok(part(Part::Progress(progress))))
            .await
            .is_err()
        {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// The runs of entries of a period, each by its first sequence and the one after its last. One run,
/// except where time went back within it.
pub(crate) async fn runs_within(
    history: &History,
    names: &Names,
    (from, to): (Time, Time),
) -> Result<Vec<(u64, u64)>, HistoryError> {
    let mut runs = Vec::new();
    let mut begins = 1;
    for end in names
        .time_set_back()
        .iter()
        .copied()
        .chain([names.sequence() + 1])
    {
        let first = first_at(history, (begins, end), from).await?;
        let after = first_at(history, (first, end), to).await?;
        if first < after {
            runs.push((first, after));
        }
        begins = end;
    }
    Ok(runs)
}

/// The first sequence from `low` on that is not before a moment; `high` where there is none. Within
/// these bounds entries are in the order of their times.
async fn first_at(
    history: &History,
    (mut low, mut high): (u64, u64),
    moment: Time,
) -> Result<u64, HistoryError> {
    let end = high;
    while low < high {
        let middle = low + (high - low) / 2;
        // What has outlived its retention is not there any more: the next entry decides.
        let entries = history.entries(middle, 1).await?;
        let entry = entries.first().ok_or(HistoryError::NoSuchEntry(middle))?;
        let is_earlier = entry.sequence < end && entry.at < moment;
        if is_earlier {
            low = entry.sequence.max(middle) + 1;
        } else {
            high = middle;
        }
    }
    Ok(low.min(end))
}

/// How an instance stood before its first change of the period, and what was promised when it was
/// set.
async fn earlier(
    history: &History,
    change: &InstanceChange,
) -> Result<Option<Earlier>, HistoryError> {
    let Some(before) = &change.before else {
        return Ok(None);
    };
    let id = change.after.id();
    let entry: Arc<Entry> = match history.entry(before.sequence).await {
        // It is just being removed.
        Err(HistoryError::NoSuchEntry(_)) => return Ok(None),
        entry => entry?,
    };
    let Some(was) = entry.instances.iter().find(|one| one.after.id() == id) else {
        return Ok(None);
    };
    let promised = match history
        .entry(id.made_at)
        .await
        .map(|entry| entry.answer.clone())
    {
        Ok(Answer::Set { promise_by, .. }) => promise_by,
        _ => None,
    };
    Ok(Some(Earlier {
        standing: Standing::of(&*history.whole(was).await?),
        promised,
    }))
}

async fn send(
    names: &Names,
    Numbers { rows, outcomes }: Numbers,
    parts: &Parts,
) -> Result<(), mpsc::error::SendError<Result<proto::ReportResponse, Status>>> {
    for (key, row) in &rows {
        parts
            .send(Ok(part(Part::Row(shown(names, key, row)))))
            .await?;
    }
    for ((workflow, outcome), count) in outcomes {
        let (workflow, outcome) = (workflow_name(names, workflow), outcome.to_string());
        parts
            .send(Ok(part(Part::Outcome(proto::ReportOutcome {
                workflow,
                outcome,
                count,
            }))))
            .await?;
    }
    Ok(())
}

fn part(part: Part) -> proto::ReportResponse {
    proto::ReportResponse { part: Some(part) }
}

fn shown(names: &Names, key: &Key, row: &Row) -> proto::ReportRow {
    let span = |share: f64| {
        row.time(share)
            .map(|seconds| convert::duration(std::time::Duration::from_secs(seconds)))
    };
    let numbers = proto::ReportRow {
        set: row.set,
        finished: row.finished,
        cancelled: row.cancelled,
        stays: row.stays,
        p50: span(0.5),
        p90: span(0.9),
        with_due: row.with_due,
        overdue: row.overdue,
        promised: row.promised,
        kept: row.kept,
        overdue_open: row.overdue_open,
        broken_open: row.broken_open,
        ..proto::ReportRow::default()
    };
    let (by, name, workflow, stage) = match key {
        Key::All => (proto::ReportBy::All, "all".to_owned(), String::new(), 0),
        Key::Workflow(place) => (
            proto::ReportBy::Workflow,
            workflow_name(names, *place),
            workflow_name(names, *place),
            0,
        ),
        Key::Stage(place, stage) => {
            let title = stage_title(names, *place, *stage);
            (
                proto::ReportBy::Stage,
                title,
                workflow_name(names, *place),
                *stage,
            )
        }
        Key::Team(place) => {
            let name = names
                .teams()
                .at(*place)
                .map_or_else(String::new, |team| team.name.clone());
            (proto::ReportBy::Team, name, String::new(), 0)
        }
        Key::Person(name) => (proto::ReportBy::Person, name.to_string(), String::new(), 0),
    };
    proto::ReportRow {
        by: by.into(),
        name,
        workflow,
        stage,
        ..numbers
    }
}

fn workflow_name(names: &Names, place: u32) -> String {
    names
        .workflows()
        .at(place)
        .map_or_else(String::new, |workflow| workflow.name.clone())
}

/// As the newest version that has the stage calls it.
fn stage_title(names: &Names, place: u32, stage: u32) -> String {
    let Some(workflow) = names.workflows().at(place) else {
        return String::new();
    };
    let versions = (1..=workflow.newest())
        .rev()
        .filter_map(|version| workflow.version(version));
    let mut titles = versions
        .filter_map(|version| version.definition.stage(stage))
        .map(|stage| stage.title().into_owned());
    titles.next().unwrap_or_default()
}
