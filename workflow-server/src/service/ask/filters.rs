//! Which instances ops ask for.

use aftercall_definition::time::Time;
use aftercall_engine::Reach;
use aftercall_engine::query::InstanceFilter;
use aftercall_proto::workflow::v1 as proto;

use crate::service::ask::{Faults, requests};
use crate::service::say::Refusal;

/// The filter that the request has at `now`, or all its invalid fields.
pub(crate) fn read(asked: proto::InstanceFilter, now: Time) -> Result<InstanceFilter, Refusal> {
    read_with(asked, now, Faults::default())
}

/// The same, with the invalid fields of the request that are known already.
pub(crate) fn read_with(
    asked: proto::InstanceFilter,
    now: Time,
    mut faults: Faults,
) -> Result<InstanceFilter, Refusal> {
    check_counts(&asked, &mut faults);
    if asked.archived {
        faults.add(
            "filter.archived",
            "only a list reads the archive: nothing there is counted or moved one by one",
        );
    }
    let older_than = asked.older_than.and_then(|span| {
        let millis = requests::span_millis(span);
        if millis.is_none() {
            faults.add("filter.older_than", "is not a span of time");
        }
        millis
    });
    let mut moment = |field: &str, stamp: Option<prost_types::Timestamp>| {
        let read = stamp.and_then(requests::time);
        if stamp.is_some() && read.is_none() {
            faults.add(field, "is not a moment");
        }
        read
    };
    let ended_from = moment("filter.ended_from", asked.ended_from);
    let ended_until = moment("filter.ended_until", asked.ended_until);
    let filter = InstanceFilter {
        workflows: requests::names(&asked.workflows),
        versions: asked.versions,
        stages: asked.stages,
        statuses: requests::statuses(&asked.statuses, &mut faults),
        teams: requests::names(&asked.teams),
        customers: requests::names(&asked.customers),
        holders: requests::names(&asked.holders),
        unclaimed: asked.unclaimed,
        priorities: requests::priorities(&asked.priorities, &mut faults),
        snoozed: asked.snoozed,
        ended_from,
        ended_until,
        reach: Reach::EVERYTHING,
        hidden: asked.hidden,
        overdue: asked.overdue,
        started_by: older_than.map(|millis| Time(now.0.saturating_sub(millis))),
    };
    faults.check()?;
    Ok(filter)
}

/// Adds an error for each list that is too long.
fn check_counts(asked: &proto::InstanceFilter, faults: &mut Faults) {
    let counts = [
        ("filter.workflows", asked.workflows.len()),
        ("filter.versions", asked.versions.len()),
        ("filter.stages", asked.stages.len()),
        ("filter.statuses", asked.statuses.len()),
        ("filter.teams", asked.teams.len()),
        ("filter.customers", asked.customers.len()),
        ("filter.holders", asked.holders.len()),
        ("filter.priorities", asked.priorities.len()),
    ];
    for (field, count) in counts {
        faults.check_count(field, count);
    }
}
