//! Many follow-ups at once: selected, checked and then done.

use aftercall_proto::workflow::v1::GetFollowUpRequest;
use aftercall_tests::{push, set};

use crate::board::{Scene, row};

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_is_checked_before_it_is_done() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    let four = set(&mut scene.clients, "1004", 40.0).await;
    let desk = &mut scene.desk;
    desk.sees(&row(&four)).await;
    let pick = |follow_up| format!("{} .pick", row(follow_up));
    // With Shift, the rows between are selected too.
    desk.click(&pick(&one)).await;
    desk.step("shift", &pick(&three), "").await;
    desk.reads("#selection [data-count]", "3").await;
    desk.reads("#selection [data-all]", "4").await;
    // An update of a row and its new place change nothing.
    let approved = push(&two, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben pushes it");
    desk.step(
        "exists",
        &format!("{}[data-stage='refund/2'].picked", row(&two)),
        "",
    )
    .await;
    assert_eq!(desk.step("checked", &pick(&two), "").await, true);
    desk.click("#selection [data-all]").await;
    desk.reads("#selection [data-count]", "4").await;

    // One of them cannot be paused again: the check says so, and does nothing.
    let paused = aftercall_proto::workflow::v1::PauseFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: three.instance_id.clone(),
        reason: "a holiday".to_owned(),
        ..Default::default()
    };
    let paused = scene.clients.manager.pause_follow_up(paused).await;
    paused.expect("Ben pauses it");
    desk.step("exists", &format!("{}[data-rev='2']", row(&three)), "")
        .await;
    desk.click("#selection [data-work=pause]").await;
    desk.fill("#batch [name=reason]", "Stock-taking").await;
    desk.click("#batch [value=check]").await;
    desk.reads("#batch-results p", "Possible: 3 · Refused: 1")
        .await;
    desk.reads("#batch-results li", "Ada: Refused · ").await;
    desk.step("exists", &format!("{}[data-rev='1']", row(&one)), "")
        .await;
    desk.click("#batch [value=start]").await;
    desk.reads("#batch-results p", "Done: 3 · Refused: 1 / 4")
        .await;
    desk.click("#batch [data-close]").await;
    desk.reads(&row(&one), "Paused by Ann").await;
    desk.click("#selection [data-clear]").await;
    desk.step("exists", "#selection[hidden]", "").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_push_is_for_rows_of_one_stage() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    let approved = push(&three, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben pushes it");
    let desk = &mut scene.desk;
    let in_stage_2 = format!("{}[data-stage='refund/2']", row(&three));
    desk.step("exists", &in_stage_2, "").await;
    let pick = |follow_up| format!("{} .pick", row(follow_up));
    for follow_up in [&one, &three] {
        desk.click(&pick(follow_up)).await;
    }
    // Rows of several stages have no button in common.
    let no_push = "#selection [data-work=push][hidden]";
    desk.step("exists", no_push, "").await;
    for follow_up in [&three, &two] {
        desk.click(&pick(follow_up)).await;
    }
    desk.click("#selection [data-work=push]").await;
    desk.step("choose", "#batch [name=button]", "1/reject")
        .await;
    desk.fill("#batch [name=reason]", "The parcels came back")
        .await;
    desk.click("#batch [value=check]").await;
    desk.reads("#batch-results p", "Possible: 2 · Refused: 0")
        .await;
    desk.click("#batch [value=start]").await;
    desk.reads("#batch-results p", "Done: 2 · Refused: 0 / 2")
        .await;
    for follow_up in [&one, &two] {
        let past = format!("/f/{}/history", follow_up.instance_id);
        desk.goto(&scene.page.url(&past)).await;
        desk.reads(".history", "The parcels came back").await;
    }
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_of_many_shows_when_it_ends() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.click(&format!("{} .pick", row(&one))).await;
    desk.click("#selection [data-work=snooze]").await;
    let option = "#batch [name=until] option:nth-child(2)";
    let (text, until) = (
        desk.text(option).await,
        desk.step("attribute", option, "value").await,
    );
    assert!(
        text.starts_with("4 hours · ") && text.contains(':'),
        "{text}"
    );
    let until = until.as_str().expect("a moment");
    desk.step("choose", "#batch [name=until]", until).await;
    desk.fill("#batch [name=reason]", "They are at lunch").await;
    desk.click("#batch [value=check]").await;
    desk.reads("#batch-results p", "Possible: 1 · Refused: 0")
        .await;
    desk.click("#batch [value=start]").await;
    desk.reads("#batch-results p", "Done: 1 · Refused: 0 / 1")
        .await;
    let request = GetFollowUpRequest {
        instance_id: one.instance_id.clone(),
        ..GetFollowUpRequest::default()
    };
    let read = scene.clients.manager.get_follow_up(request).await;
    let read = read.expect("read").into_inner().follow_up.expect("it");
    let snoozed = read.alerts[0].snoozed_until.expect("snoozed");
    let shown: jiff::Timestamp = until.parse().expect("a moment");
    assert_eq!(snoozed.seconds, shown.as_second());
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_form_is_filled_in_for_all() {
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
    desk.click("#selection [data-work=push]").await;
    // One button of the stage has a form, and the other one has none.
    let reference = "#batch [name='form.text.reference']";
    for (button, has_form) in [("2/paid", true), ("2/ask-again", false), ("2/paid", true)] {
        desk.step("choose", "#batch [name=button]", button).await;
        let state = if has_form { "wait" } else { "gone" };
        desk.step(state, reference, "").await;
    }
    desk.fill("#batch [name=reason]", "One transfer for both")
        .await;
    // A required field must be filled in before anything is asked.
    desk.click("#batch [value=check]").await;
    assert_eq!(desk.text("#batch-results").await, "");
    desk.fill(reference, "R-77").await;
    desk.click("#batch [value=check]").await;
    desk.reads("#batch-results p", "Possible: 2 · Refused: 0")
        .await;
    desk.click("#batch [value=start]").await;
    desk.reads("#batch-results p", "Done: 2 · Refused: 0 / 2")
        .await;
    for follow_up in [&one, &two] {
        let past = format!("/f/{}/history", follow_up.instance_id);
        desk.goto(&scene.page.url(&past)).await;
        desk.reads(".history", "reference: R-77").await;
    }
    desk.is_sound().await;
}
