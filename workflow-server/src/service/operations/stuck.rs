//! What ops look for at night: what is due and has not come, and work that nobody moves.

use std::collections::BTreeMap;

use aftercall_definition::time::Time;
use aftercall_engine::instance::Wake;
use aftercall_engine::query::{OverdueTimer, ShouldStop, Stuck, StuckReason};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::reading::Lane;
use crate::service::ask::{Faults, pages, requests};
use crate::service::say::{Refusal, convert, follow_up};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// For how long something must have been so where the request does not say: a day.
const LONGER_THAN_MILLIS: i64 = 86_400_000;

pub(crate) async fn overdue_timers(
    shared: &Shared,
    asked: Asked<proto::ListOverdueTimersRequest>,
) -> Result<Ready<proto::ListOverdueTimersResponse>, Refusal> {
    let request = &asked.request;
    let (now, rows) = (shared.ledger.now(), pages::rows(request.page_size));
    let clock_held = shared.ledger.health().is_clock_held();
    let found = move |view: &View, should_stop: ShouldStop<'_>| {
        let (timers, total) = view.overdue_timers(now, rows, should_stop)?;
        let timers = timers
            .iter()
            .map(|timer| overdue_timer(view, timer))
            .collect();
        Ok(proto::ListOverdueTimersResponse {
            timers,
            total,
            clock_held,
        })
    };
    shared.answer(Lane::Heavy, shared.view(), found).await
}

fn overdue_timer(names: &Names, timer: &OverdueTimer) -> proto::OverdueTimer {
    let kind = match timer.wake {
        Wake::Timer(_) => proto::WakeKind::Timer,
        Wake::Release => proto::WakeKind::Release,
        Wake::Escalate(_) => proto::WakeKind::Escalation,
        Wake::Return(_) => proto::WakeKind::AlertReturn,
        Wake::AlertAgain(_) => proto::WakeKind::AlertAgain,
        Wake::Resume => proto::WakeKind::Resume,
        Wake::Lapse => proto::WakeKind::ClaimLapse,
        Wake::Refresh => proto::WakeKind::TextRefresh,
    };
    let instance = &timer.instance;
    proto::OverdueTimer {
        kind: kind.into(),
        due: Some(convert::timestamp(timer.due)),
        instance_id: instance.id.to_string(),
        workflow: names
            .workflow_of(instance)
            .map_or_else(String::new, |workflow| workflow.name.clone()),
        stage: convert::stage_of(names, instance, instance.stage),
    }
}

pub(crate) async fn stuck(
    shared: &Shared,
    asked: Asked<proto::ListStuckInstancesRequest>,
) -> Result<Ready<proto::ListStuckInstancesResponse>, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let longer_than = request.longer_than.map_or(LONGER_THAN_MILLIS, |span| {
        requests::span_millis(span).unwrap_or_else(|| {
            faults.add("longer_than", "is not a span of time");
            0
        })
    });
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    faults.check()?;
    let by = Time(shared.ledger.now().0.saturating_sub(longer_than));
    let rows = pages::rows(request.page_size);
    let found = move |view: &View, should_stop: ShouldStop<'_>| {
        let found = view.stuck(by, should_stop)?;
        let shown = found.iter().take(rows).map(|stuck| proto::StuckInstance {
            reason: reason(stuck.reason).into(),
            since: Some(convert::timestamp(stuck.since)),
            instance: Some(follow_up::follow_up(view, &stuck.instance, &mask)),
        });
        Ok(proto::ListStuckInstancesResponse {
            instances: pages::fitting(shown),
            counts: counts(&found),
        })
    };
    shared.answer(Lane::Heavy, shared.view(), found).await
}

/// The longest first, so the first of a reason is its oldest.
fn counts(found: &[Stuck]) -> Vec<proto::StuckCount> {
    let mut counts: BTreeMap<StuckReason, (u64, Time)> = BTreeMap::new();
    for stuck in found {
        counts.entry(stuck.reason).or_insert((0, stuck.since)).0 += 1;
    }
    let shown = |(why, (count, oldest)): (StuckReason, (u64, Time))| proto::StuckCount {
        reason: reason(why).into(),
        count,
        oldest_since: Some(convert::timestamp(oldest)),
    };
    counts.into_iter().map(shown).collect()
}

fn reason(reason: StuckReason) -> proto::StuckReason {
    match reason {
        StuckReason::Incomplete => proto::StuckReason::Incomplete,
        StuckReason::NotChargeable => proto::StuckReason::NotChargeable,
        StuckReason::CallNotEnded => proto::StuckReason::CallNotEnded,
        StuckReason::Paused => proto::StuckReason::Paused,
        StuckReason::Unclaimed => proto::StuckReason::Unclaimed,
        StuckReason::SnoozedOverdue => proto::StuckReason::SnoozedOverdue,
    }
}
