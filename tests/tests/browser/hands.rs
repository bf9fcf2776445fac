//! The board without a mouse, with quick hands, and with two people at it.

use aftercall_proto::workflow::v1::{AddNoteRequest, GetFollowUpRequest};
use aftercall_tests::{push, set};
use serde_json::json;

use crate::board::{Scene, row};

const UNDO: &str = "#undo:not([hidden])";

#[tokio::test(flavor = "multi_thread")]
async fn quick_clicks_happen_in_order_and_can_be_undone() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.sees(&row(&two)).await;
    for follow_up in [&one, &two] {
        desk.click(&format!("{} button", row(follow_up))).await;
    }
    for follow_up in [&one, &two] {
        let pushed = format!("{}[data-stage='refund/2']", row(follow_up));
        desk.step("exists", &pushed, "").await;
    }
    desk.reads(UNDO, "Approve · Ada").await;
    // The offer stays over a reload and on the page of a follow-up.
    desk.step("reload", "", "").await;
    desk.reads(UNDO, "Approve · Ada").await;
    desk.goto(&scene.page.url(&format!("/f/{}", one.instance_id)))
        .await;
    desk.click("#undo button").await;
    desk.step(
        "exists",
        &format!("{}[data-stage='refund/1']", row(&two)),
        "",
    )
    .await;
    desk.step(
        "exists",
        &format!("{}[data-stage='refund/2']", row(&one)),
        "",
    )
    .await;
    desk.step("exists", "#undo[hidden]", "").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_is_refused_says_why() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.click(&format!("{} button", row(&one))).await;
    desk.sees(UNDO).await;
    let asked = GetFollowUpRequest {
        instance_id: one.instance_id.clone(),
        ..GetFollowUpRequest::default()
    };
    let read = scene.clients.manager.get_follow_up(asked).await;
    let now = read.expect("it is there").into_inner().follow_up;
    let now = now.expect("a follow-up");
    let again = push(&now, &now.buttons[1].id, "Ben");
    let pushed = scene.clients.manager.push_button(again).await;
    pushed.expect("Ben continues");
    desk.step(
        "exists",
        &format!("{}[data-stage='refund/1']", row(&one)),
        "",
    )
    .await;
    desk.click("#undo button").await;
    desk.step("exists", "#undo button[hidden]", "").await;
    let why = desk.text("#undo span").await;
    assert!(why.starts_with("Approve · Ada: "), "{why}");
    desk.click("#undo button:not([hidden])").await;
    desk.step("exists", "#undo[hidden]", "").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_push_comes_the_next_or_the_list() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let desk = &mut scene.desk;
    desk.sees(&row(&two)).await;
    desk.step("choose", "select[name=after]", "next").await;
    desk.step("press", "", "g").await;
    let first = format!("#panel [data-id='{}']", one.instance_id);
    desk.sees(&first).await;
    desk.click("form[data-form=push-approve] button.main").await;
    desk.sees(&format!("#panel [data-id='{}']", two.instance_id))
        .await;
    desk.sees(&format!("{}[data-holder='Ann']", row(&two)))
        .await;
    // The choice is kept, and a key changes it.
    desk.step("reload", "", "").await;
    assert_eq!(desk.value("select[name=after]").await, "next");
    desk.step("press", "", "a").await;
    assert_eq!(desk.value("select[name=after]").await, "list");
    desk.click("form[data-form=push-approve] button.main").await;
    desk.step("gone", "#panel article", "").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_can_be_changed_and_switched_off() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("press", "", "?").await;
    desk.fill("#settings [name=key-down]", "k").await;
    desk.step("exists", "#settings [name=key-down]:invalid", "")
        .await;
    desk.fill("#settings [name=key-down]", "d").await;
    desk.step("press", "", "Escape").await;
    desk.step("reload", "", "").await;
    desk.step("press", "", "j").await;
    assert_eq!(desk.step("focused", "", "").await, "");
    desk.step("press", "", "d").await;
    assert_eq!(desk.step("focused", "", "").await, one.instance_id);
    desk.click("#open-settings").await;
    desk.click("#settings [name=keys]").await;
    desk.step("press", "", "Escape").await;
    desk.click(&format!("{} a.who", row(&one))).await;
    desk.sees("#panel article").await;
    desk.step("press", "", "c").await;
    desk.click("#open-settings").await;
    desk.click("#settings [name=keys]").await;
    desk.step("press", "", "Escape").await;
    desk.click("#panel h2").await;
    desk.step("press", "", "c").await;
    // The first press did not claim: this one would release it.
    let claimed = format!("{}[data-rev='2'][data-holder='Ann']", row(&one));
    desk.step("exists", &claimed, "").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_is_too_late_says_so() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("clock", "", "").await;
    desk.reload().await;
    desk.click(&format!("{} button", row(&one))).await;
    desk.sees("#undo button:not([hidden])").await;
    // The servers take it back for five minutes.
    desk.step("later", "", "280").await;
    desk.sees("#undo button:not([hidden])").await;
    desk.step("later", "", "25").await;
    desk.exists("#undo button[hidden]").await;
    desk.reads(UNDO, "Approve · Ada: it is too late").await;
    desk.step("later", "", "61").await;
    desk.exists("#undo[hidden]").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_does_what_the_settings_say() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let desk = &mut scene.desk;
    desk.sees(&row(&two)).await;
    let rows = desk.rows().await;
    for (key, place) in [("j", 0), ("j", 1), ("j", 1), ("k", 0), ("k", 0)] {
        desk.step("press", "", key).await;
        assert_eq!(desk.step("focused", "", "").await, rows[place]);
    }
    let first = if rows[0] == one.instance_id {
        &one
    } else {
        &two
    };
    for state in [".picked", ":not(.picked)"] {
        desk.step("press", "", "x").await;
        desk.exists(&format!("{}{state}", row(first))).await;
    }
    desk.step("press", "", "n").await;
    desk.step("has_focus", "#panel form[data-form=note] textarea", "")
        .await;
    desk.exists(&format!("#panel [data-id='{}']", first.instance_id))
        .await;
    // In a field, keys are text.
    desk.step("type", "", "junk").await;
    let note = "#panel form[data-form=note] textarea";
    assert_eq!(desk.value(note).await, "junk");
    desk.fill(note, "").await;
    desk.click("#panel h2").await;
    desk.step("press", "", "Escape").await;
    desk.step("gone", "#panel article", "").await;
    desk.step("press", "", "f").await;
    desk.step("has_focus", "#filter [name=q]", "").await;

    desk.click(&format!("{} [data-act=push]", row(&two))).await;
    desk.sees(UNDO).await;
    desk.step("press", "", "u").await;
    desk.exists(&format!(
        "{}[data-rev='3'][data-stage='refund/1']",
        row(&two)
    ))
    .await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chosen_colours_stay_over_a_reload() {
    let (mut scene, _) = Scene::start().await;
    let desk = &mut scene.desk;
    let mut seen = Vec::new();
    for theme in ["light", "dark"] {
        desk.click(".me summary").await;
        desk.step("choose", "#theme", theme).await;
        desk.reload().await;
        desk.exists(&format!("html[data-theme={theme}]")).await;
        seen.push(desk.step("style", "body", "background-color").await);
    }
    assert_ne!(seen[0], seen[1]);
    // Other pages have them too, and the browser's own can be chosen again.
    desk.goto(&scene.page.url("/team")).await;
    assert_eq!(
        desk.step("style", "body", "background-color").await,
        seen[1]
    );
    desk.click(".me summary").await;
    desk.step("choose", "#theme", "").await;
    assert_eq!(
        desk.step("style", "body", "background-color").await,
        seen[0]
    );
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_slips_to_another_row_does_nothing() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let desk = &mut scene.desk;
    desk.sees(&row(&two)).await;
    let button = |follow_up| format!("{} button", row(follow_up));
    desk.step("slip", &button(&one), &button(&two)).await;
    // A true click goes through the same queue, so nothing came before it.
    desk.click(&format!("{} .claim", row(&two))).await;
    desk.step("exists", &format!("{}[data-holder='Ann']", row(&two)), "")
        .await;
    for follow_up in [&one, &two] {
        let first = format!("{}[data-stage='refund/1']", row(follow_up));
        desk.step("exists", &first, "").await;
    }
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_counts_although_its_row_is_shown_again() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let desk = &mut scene.desk;
    desk.sees(&row(&two)).await;
    // Ben writes a note while Ann holds the button: the row is another element, its button the same.
    desk.step("hold", &format!("{} [data-act=push]", row(&one)), "")
        .await;
    let note = AddNoteRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        text: "Ada rings again".to_owned(),
        ..AddNoteRequest::default()
    };
    let noted = scene.clients.manager.add_note(note).await;
    noted.expect("Ben notes it");
    desk.exists(&format!("{}[data-rev='2']", row(&one))).await;
    desk.step("release", "", "").await;
    desk.exists(&format!("{}[data-stage='refund/2']", row(&one)))
        .await;

    // Ben pushes it while Ann holds it: another button is under the pointer, and nothing happens.
    desk.step("hold", &format!("{} [data-act=push]", row(&two)), "")
        .await;
    let approved = push(&two, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben is faster");
    desk.exists(&format!("{}[data-stage='refund/2']", row(&two)))
        .await;
    desk.step("release", "", "").await;
    // A true click goes through the same queue, so nothing came before it.
    desk.click(&format!("{} .claim", row(&one))).await;
    desk.exists(&format!("{}[data-holder='Ann']", row(&one)))
        .await;
    desk.exists(&format!(
        "{}[data-rev='2'][data-stage='refund/2']",
        row(&two)
    ))
    .await;
    assert_eq!(desk.step("count", "#panel article", "").await, 0);
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_is_in_the_address_and_back_returns() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let approved = push(&two, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben pushes it");
    let desk = &mut scene.desk;
    desk.step(
        "exists",
        &format!("{}[data-stage='refund/2']", row(&two)),
        "",
    )
    .await;
    desk.step("choose", "#filter [name=stage]", "refund/2")
        .await;
    assert_eq!(desk.rows().await, std::slice::from_ref(&two.instance_id));
    let address = desk.step("address", "", "").await;
    assert!(address.to_string().contains("stage=refund%2F2"));
    desk.click(&format!("{} a.who", row(&two))).await;
    desk.sees("#panel article").await;
    desk.click("#filter a").await;
    desk.sees(&row(&one)).await;
    desk.step("back", "", "").await;
    desk.step("exists", &format!("{}[hidden]", row(&one)), "")
        .await;
    assert_eq!(desk.value("#filter [name=stage]").await, "refund/2");
    // The call's id finds a row too.
    desk.goto(&scene.page.url("/?q=1001")).await;
    desk.sees(".line.live").await;
    desk.sees(&row(&one)).await;
    assert_eq!(json!(desk.rows().await), json!([one.instance_id]));
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_tab_is_refused_and_keeps_its_text() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    // Without scripts the tab never learns what has changed.
    let address = scene.page.url(&format!("/f/{}", one.instance_id));
    desk.step("plain", "", &address).await;
    let approved = push(&one, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben is faster");
    desk.fill("form[data-form=push-reject] textarea", "Too late")
        .await;
    desk.click("form[data-form=push-reject] button.main").await;
    desk.sees("#panel .refused").await;
    assert_eq!(desk.value("textarea.kept").await, "Too late");
    desk.is_sound().await;
}
