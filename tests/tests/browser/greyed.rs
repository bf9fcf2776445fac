//! What is greyed, and what opens above the board, is as readable as the rest: WCAG 2.2 AA by axe, in
//! light and dark, wide and narrow.

use aftercall_identity::token_file::revoke;
use aftercall_proto::access::v1::Role;
use aftercall_tests::{push, set};

use crate::board::{Scene, row};
use crate::desk::{Desk, Guarded, Page};

/// Checks what is shown now. Returns what is wrong.
async fn check(desk: &mut Desk, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (colours, width) in [("light", "1280"), ("dark", "1280"), ("dark", "320")] {
        let here = desk.step("fits", colours, width).await;
        for wrong in here.as_array().expect("a list") {
            found.push(format!("{what} {colours} {width}: {wrong}"));
        }
    }
    // Buttons in a float are in the way of others where the window is narrow.
    desk.step("fits", "light", "1280").await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_is_not_live_is_readable() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.sees(&row(&one)).await;
    desk.step("tab", "", &scene.page.url("/team")).await;
    desk.sees(".line.live").await;
    scene.house.stop_alerter().await;
    desk.sees("#counts.stale table").await;
    let mut found = check(desk, "the counts").await;
    desk.step("turn", "", "0").await;
    desk.sees(".line.lost").await;
    desk.reads(".line", "As of").await;
    found.extend(check(desk, "the board").await);
    assert!(found.is_empty(), "{found:#?}");
    // The control: faint text is noticed.
    desk.step("fade", "#list", "").await;
    let found = check(desk, "a faint list").await.join("\n");
    assert!(found.contains("color-contrast"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_whose_session_is_over_is_readable() {
    let (guarded, [ann]) = Guarded::start("", [("Ann", Role::Agent)]).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let mut desk = Desk::open().await;
    let path = format!("/f/{}", guarded.one.instance_id);
    desk.goto(&page.url(&path)).await;
    desk.fill("[name=token]", &ann).await;
    desk.click("main button").await;
    desk.sees(".line.live").await;
    revoke(&guarded.home.path().join("tokens"), "Ann").expect("revoked");
    desk.sees("body.signed-out #session .over").await;
    let found = check(&mut desk, "the board").await;
    assert!(found.is_empty(), "{found:#?}");
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialogs_of_a_selection_are_readable() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    for follow_up in [&one, &two] {
        let approved = push(follow_up, "approve", "Ben");
        let pushed = scene.clients.manager.push_button(approved).await;
        pushed.expect("Ben pushes it");
    }
    let desk = &mut scene.desk;
    for follow_up in [&one, &two] {
        let row = row(follow_up);
        desk.exists(&format!("{row}[data-stage='refund/2']")).await;
        desk.click(&format!("{row} .pick")).await;
    }
    let mut found = check(desk, "the selection").await;
    for work in [
        "push",
        "claim",
        "snooze",
        "hand-over",
        "pause",
        "resume",
        "cancel",
    ] {
        desk.click(&format!("#selection [data-work={work}]")).await;
        desk.sees("#batch[open]").await;
        if work == "push" {
            desk.step("choose", "#batch [name=button]", "2/paid").await;
            desk.sees("#batch [name='form.text.reference']").await;
        }
        found.extend(check(desk, work).await);
        if work == "resume" {
            desk.fill("#batch [name=reason]", "They are back").await;
            desk.click("#batch [value=check]").await;
            desk.reads("#batch-results p", "Refused: 2").await;
            found.extend(check(desk, "its results").await);
        }
        desk.click("#batch [data-close]").await;
    }
    desk.click("#open-settings").await;
    desk.sees("#settings[open]").await;
    found.extend(check(desk, "the settings").await);
    assert!(found.is_empty(), "{found:#?}");
    desk.is_sound().await;
}
