//! Saved views of the board.

use aftercall_tests::set;

use crate::board::{Scene, row};

/// The link of the view with the priority 3.
const HIGH: &str = "#views a[href='/?priority=3']";

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_saved_counted_opened_and_removed() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("choose", "#filter [name=priority]", "3").await;
    desk.click("#views summary").await;
    desk.fill("#save-view [name=view]", "<b>High</b>").await;
    desk.click("#save-view button").await;
    desk.sees(HIGH).await;
    desk.reads(HIGH, "<b>High</b> 1").await;
    desk.sees(".line.live").await;
    // Its count follows the board.
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.reads(HIGH, "<b>High</b> 2").await;
    desk.click("#views a[href='/']").await;
    assert_eq!(desk.value("#filter [name=priority]").await, "");
    desk.click(HIGH).await;
    desk.sees(&format!("{HIGH}[aria-current]")).await;
    assert_eq!(desk.value("#filter [name=priority]").await, "3");
    // A view of a team, with a text: what it does not select is hidden.
    desk.fill("#filter [name=q]", "1002").await;
    desk.click("#views summary").await;
    desk.fill("#save-view [name=view]", "The second").await;
    desk.fill("#save-view [name=owner]", "billing").await;
    desk.click("#save-view button").await;
    desk.reads("#views a[aria-current]", "billing: The second 1")
        .await;
    desk.sees(&row(&two)).await;
    desk.step("exists", &format!("{}[hidden]", row(&one)), "")
        .await;
    desk.click("#views summary").await;
    desk.click("#views form[action='/views/remove'] button")
        .await;
    desk.step("gone", HIGH, "").await;
    desk.is_sound().await;
}
