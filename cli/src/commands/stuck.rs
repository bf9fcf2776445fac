//! `aftercall instance stuck` and `instance timers`: what ops look for at night.
//!
//! Promise: the total is shown, also where the list is cut. Must not: repair anything.

use std::time::Duration;

use aftercall_proto::workflow::v1::{
    ListOverdueTimersRequest, ListStuckInstancesRequest, OverdueTimer, StuckInstance, StuckReason,
    WakeKind,
};
use clap::Args;
use jiff::Timestamp;

use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, whole};
use crate::values::call_name;
use crate::{time, wording};

const STUCK: Table<'_> = Table {
    columns: &[
        id("id"),
        whole("why", 1),
        whole("since", 2),
        name("workflow", 3),
        name("stage", 4),
        whole("call", 5),
        name("customer", 6),
    ],
    empty: "Nothing is stuck.",
};

const TIMERS: Table<'_> = Table {
    columns: &[
        id("id"),
        whole("what", 1),
        whole("due", 2),
        name("workflow", 3),
        name("stage", 4),
    ],
    empty: "No timer is overdue.",
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall instance stuck\n  aftercall instance stuck --longer-than 4h"
)]
pub(crate) struct StuckWork {
    /// For how long it must have been so; incomplete ones are listed at once [default: 1d]
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    longer_than: Option<Duration>,
    /// The most rows to show
    #[arg(long, value_name = "N", default_value_t = 100)]
    at_most: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall instance timers")]
pub(crate) struct OverdueTimers {
    /// The most rows to show
    #[arg(long, value_name = "N", default_value_t = 100)]
    at_most: u32,
}

impl StuckWork {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListStuckInstancesRequest {
            longer_than: self.longer_than.map(time::proto_span),
            page_size: self.at_most,
            read_mask: session.read_mask(&[
                "workflow",
                "stage",
                "last_stage",
                "call.ref",
                "call.customer",
            ]),
        };
        let answer = session
            .to
            .operations()
            .await?
            .list_stuck_instances(request)
            .await?
            .into_inner();
        let now = session.now().await?;
        session
            .output
            .list(&answer.instances, &STUCK, |stuck| cells(stuck, now))?;
        for count in &answer.counts {
            let oldest = time::relative(count.oldest_since.as_ref(), now);
            remark(&format!(
                "{} {}, the oldest since {oldest}.",
                count.count,
                why(count.reason())
            ));
        }
        Ok(())
    }
}

fn cells(stuck: &StuckInstance, now: Timestamp) -> Vec<String> {
    let instance = stuck.instance.clone().unwrap_or_default();
    let call = instance.call.as_ref();
    vec![
        instance.instance_id.clone(),
        why(stuck.reason()).to_owned(),
        time::relative(stuck.since.as_ref(), now),
        instance.workflow.clone(),
        wording::stage_of(&instance),
        call_name(call.and_then(|call| call.r#ref.as_ref())),
        call.map(|call| call.customer.clone()).unwrap_or_default(),
    ]
}

fn why(reason: StuckReason) -> &'static str {
    match reason {
        StuckReason::Unspecified => "",
        StuckReason::Incomplete => "incomplete",
        StuckReason::NotChargeable => "hidden: call not chargeable",
        StuckReason::CallNotEnded => "call never ended",
        StuckReason::Paused => "paused",
        StuckReason::Unclaimed => "held by nobody",
        StuckReason::SnoozedOverdue => "overdue, and snoozed",
    }
}

impl OverdueTimers {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListOverdueTimersRequest {
            page_size: self.at_most,
        };
        let answer = session
            .to
            .operations()
            .await?
            .list_overdue_timers(request)
            .await?
            .into_inner();
        let now = session.now().await?;
        let row = |timer: &OverdueTimer| {
            let stage = wording::stage(timer.stage.as_ref());
            let due = time::relative(timer.due.as_ref(), now);
            vec![
                timer.instance_id.clone(),
                what(timer.kind()).to_owned(),
                due,
                timer.workflow.clone(),
                stage,
            ]
        };
        session.output.list(&answer.timers, &TIMERS, row)?;
        if answer.total > 0 {
            remark(&format!("{} in all.", answer.total));
        }
        Ok(())
    }
}

fn what(kind: WakeKind) -> &'static str {
    match kind {
        WakeKind::Unspecified => "",
        WakeKind::Timer => "timer",
        WakeKind::Release => "release",
        WakeKind::Escalation => "escalation",
        WakeKind::AlertReturn => "end of a snooze",
        WakeKind::AlertAgain => "seen alert, new again",
        WakeKind::Resume => "end of a pause",
        WakeKind::ClaimLapse => "end of a lease",
        WakeKind::TextRefresh => "new texts of alerts",
    }
}
