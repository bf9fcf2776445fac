//! A new alert is marked until somebody has seen it, and again when nobody works on it.

use std::sync::Arc;
use std::time::Duration;

use aftercall_proto::workflow::v1::SetWorkflowRequest;
use aftercall_tests::{House, Machine, set_refund, with_refund};
use workflow_server::journal::RealDisk;
use workflow_server::ledger::{Clock as _, ManualClock, SystemClock};

use crate::board::row;
use crate::desk::{Desk, Page};

const WATCHED: &str = "
format: 1
workflow: watched
title: Watched
on_new_call:
  - alert: { text: Call back, team: billing, due: 8h, seen-for: 15m }
  - button: Called
    then: [ finish: called ]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_alert_is_marked_until_it_is_seen() {
    let clock = Arc::new(ManualClock::at(SystemClock::default().wall()));
    let machine = Machine {
        clock: clock.clone(),
        disk: Arc::new(RealDisk),
    };
    let mut house = House::start_on(machine).await;
    house.start_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(WATCHED).await;
    let request = SetWorkflowRequest {
        workflow: "watched".to_owned(),
        fields: Default::default(),
        ..set_refund("1001", 1.0)
    };
    let set = clients.scripts.set_workflow(request).await;
    let one = set.expect("set").into_inner().follow_up.expect("it");
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    let (marked, unmarked) = (
        format!("{}.unseen .mark", row(&one)),
        format!("{}:not(.unseen)", row(&one)),
    );
    desk.reads(&marked, "New").await;

    desk.step("press", "", "j").await;
    desk.step("press", "", "v").await;
    desk.sees(&unmarked).await;
    desk.reads(&row(&one), "Seen by Ann").await;
    let mark = format!("{} .mark", row(&one));
    assert_eq!(desk.step("visible", &mark, "").await, 0);

    // Nobody works on it. After its time it is news again, also for the person who has seen it.
    desk.step("hide", "", "").await;
    clock.pass(Duration::from_secs(14 * 60));
    desk.step("titled", "", "Follow-ups").await;
    clock.pass(Duration::from_secs(2 * 60));
    desk.step("titled", "", "(1) Follow-ups").await;
    desk.reads(&marked, "New").await;
    desk.step("look", "", "").await;
    desk.step("titled", "", "Follow-ups").await;
    desk.sees(&marked).await;
    desk.is_sound().await;
    page.stop().await;
}
