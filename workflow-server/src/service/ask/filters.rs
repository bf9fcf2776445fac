//! Which follow-ups people ask for, and which instances ops ask for.

use aftercall_definition::time::Time;
use aftercall_engine::Reach;
use aftercall_engine::call::Caller;
use aftercall_engine::filter::{FollowUpFilter, SearchText};
use aftercall_engine::limits::SHORT_CHARS_MAX;
use aftercall_engine::phone::Country;
use aftercall_engine::query::InstanceFilter;
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_proto::workflow::v1 as proto;

use crate::service::ask::{Faults, requests};
use crate::service::say::Refusal;
use crate::service::view::Names;

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

/// The filter of follow-ups as far as it can be read, and the errors of the rest. `country` is the
/// country of telephone numbers without a country code.
pub(crate) fn follow_ups(
    known: &Names,
    asked: &proto::FollowUpFilter,
    country: Country,
) -> (FollowUpFilter, Faults) {
    let mut faults = Faults::default();
    check_values(asked, &mut faults);
    let teams: Vec<u32> = asked
        .teams
        .iter()
        .filter_map(|name| known.teams().place(name))
        .collect();
    let calls = asked
        .calls
        .iter()
        .map(|call| requests::call_key(Some(call), "filter.calls", &mut faults))
        .collect();
    let filter = FollowUpFilter {
        only_unknown_teams: !asked.teams.is_empty() && teams.is_empty(),
        teams,
        customers: requests::names(&asked.customers),
        workflows: requests::names(&asked.workflows),
        stages: asked
            .stages
            .iter()
            .map(|one| (one.workflow.as_str().into(), one.stage))
            .collect(),
        priorities: requests::priorities(&asked.priorities, &mut faults),
        calls,
        holders: requests::names(&asked.holders),
        unclaimed_only: asked.unclaimed,
        overdue_only: asked.overdue,
        snoozed_only: asked.snoozed,
        text: SearchText::new(&asked.text, country),
        caller: caller(&asked.phone, country, &mut faults),
        reference: Some(asked.reference.trim())
            .filter(|text| !text.is_empty())
            .map(Into::into),
        reach: Reach::EVERYTHING,
    };
    (filter, faults)
}

/// The same for what works on follow-ups that wait, and not only lists them.
pub(crate) fn waiting(
    known: &Names,
    asked: &proto::FollowUpFilter,
    country: Country,
) -> (FollowUpFilter, Faults) {
    let (filter, mut faults) = follow_ups(known, asked, country);
    if asked.snoozed {
        let message = "only a list selects by it: leave it out";
        faults.add("filter.snoozed", message);
    }
    (filter, faults)
}

/// Adds an error for each list and text that is too long, and for fields that exclude each other.
fn check_values(asked: &proto::FollowUpFilter, faults: &mut Faults) {
    let counts = [
        ("filter.teams", asked.teams.len()),
        ("filter.customers", asked.customers.len()),
        ("filter.workflows", asked.workflows.len()),
        ("filter.stages", asked.stages.len()),
        ("filter.priorities", asked.priorities.len()),
        ("filter.calls", asked.calls.len()),
        ("filter.holders", asked.holders.len()),
    ];
    for (field, count) in counts {
        faults.check_count(field, count);
    }
    let texts = [
        ("filter.text", &asked.text),
        ("filter.phone", &asked.phone),
        ("filter.reference", &asked.reference),
    ];
    for (field, text) in texts {
        if text.chars().count() > SHORT_CHARS_MAX {
            faults.add(field, format!("has more than {SHORT_CHARS_MAX} characters"));
        }
    }
    if asked.unclaimed && !asked.holders.is_empty() {
        faults.add(
            "filter.unclaimed",
            "what is held by somebody is not unclaimed: give one of the two",
        );
    }
}

fn caller(phone: &str, country: Country, faults: &mut Faults) -> Option<Box<CallerKey>> {
    if phone.trim().is_empty() {
        return None;
    }
    let caller = Caller {
        phone: phone.into(),
        ..Caller::default()
    };
    let key = CallerKey::new(&caller, country);
    if key.is_none() {
        faults.add(
            "filter.phone",
            "must be a telephone number; this one has no digits, or is withheld",
        );
    }
    key.map(Box::new)
}
