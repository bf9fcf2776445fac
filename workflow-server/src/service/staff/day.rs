//! What one person did in a period, out of the history, newest first.
//!
//! Promise: it costs no write. There is no index of people, so the read is bounded instead.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Entry;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::limits::SHORT_CHARS_MAX;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::ledger::history::{History, HistoryError};
use crate::limits::{DAY_ENTRIES_MAX, DAY_ITEMS_MAX, DAY_PERIOD_MILLIS_MAX, REPORT_READ_ENTRIES};
use crate::reading::Lane;
use crate::report::Only;
use crate::service::ask::pages::Room;
use crate::service::ask::{Faults, requests};
use crate::service::operations::reports::runs_within;
use crate::service::say::{Refusal, causes, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

pub(crate) async fn get(
    shared: &Shared,
    asked: Asked<proto::GetDayRequest>,
) -> Result<Ready<proto::GetDayResponse>, Refusal> {
    let request = asked.request;
    let period = period(&request, shared.ledger.now())?;
    let day = move |shared: Shared| async move {
        let day = read(&shared, &request.person, period).await;
        day.map_err(|error| refusal::of_history(&error))
    };
    shared.answer_from_files(Lane::Heavy, day).await
}

/// The period of a request, or all its invalid fields.
fn period(request: &proto::GetDayRequest, now: Time) -> Result<(Time, Time), Refusal> {
    let mut faults = Faults::default();
    let characters = request.person.chars().count();
    if !(1..=SHORT_CHARS_MAX).contains(&characters) {
        faults.add(
            "person",
            format!("must have 1 to {SHORT_CHARS_MAX} characters"),
        );
    }
    let mut moment = |field: &str, stamp: Option<prost_types::Timestamp>| {
        let read = stamp.and_then(requests::time);
        if stamp.is_some() && read.is_none() {
            faults.add(field, "is not a moment");
        }
        read
    };
    let (from, to) = (moment("from", request.from), moment("to", request.to));
    let to = to.unwrap_or(Time(now.0.saturating_add(1)));
    let from = from.unwrap_or_default();
    if request.from.is_none() {
        faults.add("from", "must be given");
    } else if from >= to || to.0.saturating_sub(from.0) > DAY_PERIOD_MILLIS_MAX {
        faults.add("to", "must be later than from, by at most two days");
    }
    faults.check()?;
    Ok((from, to))
}

/// What is gathered, newest first.
#[derive(Default)]
struct Day {
    items: Vec<proto::HistoryItem>,
    room: Room,
    is_full: bool,
    counts: BTreeMap<i32, u64>,
}

async fn read(
    shared: &Shared,
    person: &str,
    period: (Time, Time),
) -> Result<proto::GetDayResponse, HistoryError> {
    let (view, history) = (shared.view(), shared.ledger.history());
    let only = Only {
        workflows: Vec::new(),
        customers: Vec::new(),
        reach: shared.reach().clone(),
    };
    let (mut day, mut left, mut read_back_to) = (Day::default(), DAY_ENTRIES_MAX, None);
    let runs = runs_within(history, &view, period).await?;
    'runs: for (first, end) in runs.into_iter().rev() {
        let mut upper = end;
        while upper > first {
            if left == 0 {
                break 'runs;
            }
            let wanted = (REPORT_READ_ENTRIES as u64).min(upper - first).min(left);
            let lower = upper - wanted;
            for entry in window(history, lower, upper).await?.iter().rev() {
                if left == wanted {
                    read_back_to = Some(entry.at);
                }
                day.take(&view, &only, (entry, person));
            }
            (upper, left) = (lower, left - wanted);
        }
    }
    let has_read_all = left > 0;
    Ok(day.into_response(read_back_to.filter(|_| !has_read_all), view.sequence()))
}

/// The entries from `lower` up to `upper` without it. One read may return fewer than there are.
async fn window(
    history: &History,
    lower: u64,
    upper: u64,
) -> Result<Vec<Arc<Entry>>, HistoryError> {
    let (mut entries, mut next) = (Vec::new(), lower);
    while next < upper {
        let read = history.entries(next, (upper - next) as usize).await?;
        next = read.last().map_or(upper, |entry| entry.sequence + 1);
        entries.extend(read.into_iter().filter(|entry| entry.sequence < upper));
    }
    Ok(entries)
}

impl Day {
    fn take(&mut self, view: &View, only: &Only, (entry, person): (&Entry, &str)) {
        let is_human = matches!(entry.actor.kind, ActorKind::Person | ActorKind::Operations);
        if !is_human || *entry.actor.name != *person {
            return;
        }
        for change in view.counted(only, entry) {
            let item = causes::history_item(view, entry, Some(change));
            let kind = item.cause.as_ref().map_or(0, |cause| cause.kind);
            *self.counts.entry(kind).or_default() += 1;
            self.is_full =
                self.is_full || self.items.len() == DAY_ITEMS_MAX || !self.room.takes(&item);
            if !self.is_full {
                self.items.push(item);
            }
        }
    }

    fn into_response(self, read_back_to: Option<Time>, sequence: u64) -> proto::GetDayResponse {
        let count = |(kind, count): (i32, u64)| proto::DayCount { kind, count };
        let mut counts: Vec<_> = self.counts.into_iter().map(count).collect();
        counts.sort_by_key(|one| Reverse(one.count));
        proto::GetDayResponse {
            items: self.items,
            counts,
            read_back_to: read_back_to.map(convert::timestamp),
            sequence,
        }
    }
}
