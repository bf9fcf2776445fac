//! New work is noticed: in the title, in the icon of the tab, and by a sound.

use aftercall_proto::workflow::v1::ClaimFollowUpRequest;
use aftercall_tests::{push, set};
use serde_json::json;

use crate::board::{Scene, row};
use crate::desk::Desk;

impl Desk {
    async fn beeps(&mut self) -> i64 {
        let beeps = self.step("beeps", "", "").await;
        beeps.as_i64().expect("a number")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_title_counts_new_work_until_somebody_looks() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    let quiet = desk.step("icon", "", "").await;
    desk.step("hide", "", "").await;
    // What the person does is not news, although it raises another alert.
    let approved = push(&one, "approve", "Ann");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ann pushes elsewhere");
    set(&mut scene.clients, "1002", 20.0).await;
    set(&mut scene.clients, "1003", 30.0).await;
    desk.step("titled", "", "(2) Follow-ups").await;
    let icon = desk.step("icon", "", "").await;
    assert!(icon.to_string().contains("%3E2%3C%2Ftext"), "{icon}");
    desk.step("look", "", "").await;
    desk.step("titled", "", "Follow-ups").await;
    assert_eq!(desk.step("icon", "", "").await, quiet);
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tab_makes_the_sound_of_new_work() {
    let (mut scene, _) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("listen", "", "").await;
    desk.step("reload", "", "").await;
    desk.click("#blocked").await;
    desk.step("exists", "#blocked[hidden]", "").await;
    // On a busy machine a sound would repeat before the tones are counted.
    desk.click("#open-settings").await;
    desk.step("choose", "#settings [name=repeat]", "0").await;
    desk.click("#settings header button").await;
    desk.step("tab", "", &scene.page.url("/")).await;
    desk.sees(".line.live").await;
    desk.click("#board").await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.sees(&row(&two)).await;
    assert_eq!(desk.beeps().await, 0, "the other tab has it");
    desk.step("turn", "", "0").await;
    desk.sees(&row(&two)).await;
    assert_eq!(desk.beeps().await, 2, "high priority has two tones");
    // The other tab takes over when this one is gone.
    desk.step("close", "", "").await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    desk.sees(&row(&three)).await;
    assert_eq!(desk.beeps().await, 2);
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_repeats_until_claimed_and_is_quiet_when_asked() {
    let (mut scene, _) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("listen", "", "").await;
    desk.step("clock", "", "").await;
    desk.step("reload", "", "").await;
    desk.click("#blocked").await;
    desk.step("exists", "#blocked[hidden]", "").await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.sees(&row(&two)).await;
    desk.step("later", "", "61").await;
    assert_eq!(desk.beeps().await, 4);
    let claim = ClaimFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: two.instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let claimed = scene.clients.manager.claim_follow_up(claim).await;
    claimed.expect("Ben claims it");
    desk.sees(&format!("{}[data-holder='Ben']", row(&two)))
        .await;
    desk.step("later", "", "61").await;
    assert_eq!(desk.beeps().await, 4);
    desk.click("#open-settings").await;
    desk.fill("#settings [name=quiet-from]", "00:00").await;
    desk.fill("#settings [name=quiet-to]", "23:59").await;
    desk.click("#settings header button").await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    desk.sees(&row(&three)).await;
    assert_eq!(desk.beeps().await, 4, "these are quiet hours");
    desk.click("#open-settings").await;
    desk.click("#settings [data-play='4']").await;
    assert_eq!(json!(desk.beeps().await), json!(7), "a test is heard");
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_shows_new_work_once_it_may() {
    let (mut scene, _) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("notice", "", "").await;
    desk.reload().await;
    desk.step("hide", "", "").await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.exists(&row(&two)).await;
    assert_eq!(desk.step("notices", "", "").await, json!([]));
    desk.step("look", "", "").await;
    desk.click("#open-settings").await;
    desk.click("#allow-notices").await;
    desk.sees("[data-permission=granted]").await;
    desk.click("#settings header button").await;
    desk.step("hide", "", "").await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    desk.exists(&row(&three)).await;
    let notices = desk.step("notices", "", "").await;
    let notices = notices.as_array().expect("a list");
    let [notice] = notices.as_slice() else {
        panic!("one notice: {notices:?}");
    };
    assert!(notice.to_string().contains("Refund 30 for Ada"), "{notice}");
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_does_makes_no_sound() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let desk = &mut scene.desk;
    desk.step("listen", "", "").await;
    desk.reload().await;
    desk.click("#blocked").await;
    desk.exists("#blocked[hidden]").await;
    // The next stage raises an alert of its own, of a priority that is silent unless it is chosen.
    desk.click("#open-settings").await;
    desk.step("check", "#settings [name=sound-2]", "").await;
    desk.click("#settings header button").await;
    desk.click(&format!("{} [data-act=push]", row(&one))).await;
    desk.exists(&format!("{}[data-stage='refund/2'].unseen", row(&one)))
        .await;
    assert_eq!(desk.beeps().await, 0);
    // The control: the same by Ben is heard.
    let approved = push(&two, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben pushes it");
    desk.exists(&format!("{}[data-stage='refund/2'].unseen", row(&two)))
        .await;
    assert!(desk.beeps().await > 0);
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_declines_notices_gets_none() {
    let (mut scene, _) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("notice", "", "declined").await;
    desk.reload().await;
    desk.click("#open-settings").await;
    desk.click("#allow-notices").await;
    // The page says how it can be undone.
    desk.reads("[data-permission=denied]:visible", "browser")
        .await;
    desk.exists("[data-permission=default][hidden]").await;
    desk.click("#settings header button").await;
    desk.step("hide", "", "").await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.exists(&row(&two)).await;
    desk.step("titled", "", "(1) Follow-ups").await;
    assert_eq!(desk.step("notices", "", "").await, json!([]));
    desk.is_sound().await;
}
