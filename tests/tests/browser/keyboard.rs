//! The pages beside the board, with the keyboard alone.

use aftercall_proto::workflow::v1::ClaimFollowUpRequest;
use serde_json::json;

use crate::board::Scene;

/// Pages with forms of all kinds. `ID` is a follow-up.
const PAGES: [&str; 10] = [
    "/snoozed",
    "/team",
    "/team/person?name=Ben",
    "/workflows",
    "/workflows/edit?name=refund",
    "/workflows/w/refund/try",
    "/workflows/calendars",
    "/instances",
    "/instances/i/ID",
    "/instances/work?workflow=refund&all=1",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_tab_key_reaches_each_control_of_each_page() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    let mut wrong = Vec::new();
    for path in PAGES {
        let path = path.replace("ID", &one.instance_id);
        desk.goto(&scene.page.url(&path)).await;
        desk.sees("main").await;
        let found = desk.step("tabThrough", "", "").await;
        let reached = found["reached"].as_u64().expect("a number");
        let is_clean = [&found["missed"], &found["faint"]]
            .iter()
            .all(|list| **list == json!([]));
        if reached < 5 || !is_clean {
            wrong.push(format!("{path}: {found:#}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_handed_over_and_cancelled_without_a_mouse() {
    let (mut scene, one) = Scene::start().await;
    let claim = ClaimFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let claimed = scene.clients.manager.claim_follow_up(claim).await;
    claimed.expect("Ben holds it");
    let desk = &mut scene.desk;
    desk.goto(&scene.page.url("/team")).await;
    desk.sees(".line.live").await;
    desk.step("tabTo", "#holders tbody a", "").await;
    desk.step("press", "", "Enter").await;
    desk.reads("h1", "Ben").await;
    for (name, text) in [("to", "Ann"), ("reason", "end of shift")] {
        desk.step("tabTo", &format!("#hand-over [name={name}]"), "")
            .await;
        desk.step("type", "", text).await;
    }
    desk.step("press", "", "Enter").await;
    desk.reads("[role=status]", "Handed over: 1").await;

    desk.goto(&scene.page.url("/instances")).await;
    desk.step("tabTo", "#by [name=workflow]", "").await;
    desk.step("type", "", "refund").await;
    desk.step("press", "", "Enter").await;
    desk.reads("main", "Matching: 1").await;
    desk.step("tabTo", "#chosen [name=id]", "").await;
    desk.step("press", "", "Space").await;
    desk.step("tabTo", "#chosen .acts button", "").await;
    desk.step("press", "", "Enter").await;
    desk.sees("#work").await;
    desk.step("tabTo", "#work [name=work]", "").await;
    while desk.step("count", "#work [value=cancel]:checked", "").await == 0 {
        desk.step("press", "", "ArrowDown").await;
    }
    desk.step("tabTo", "#work [name=reason]", "").await;
    desk.step("type", "", "a mistake").await;
    desk.step("press", "", "Enter").await;
    desk.sees("#outlook").await;
    desk.step("tabTo", "#start button", "").await;
    desk.step("press", "", "Enter").await;
    desk.reads("#status", "Cancelled").await;
    desk.is_sound().await;
}
