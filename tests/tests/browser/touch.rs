//! The page on a telephone: a screen of 320 pixels, on which people tap.

use aftercall_tests::set;

use crate::board::{Scene, row};
use crate::desk::Desk;

/// What WCAG 2.2 wants of a target, in pixels.
const TARGET_MIN: f64 = 24.0;

/// Taps on what is large enough for a finger.
async fn tap(desk: &mut Desk, selector: &str) {
    let size = desk.step("tap", selector, "").await;
    for side in [&size[0], &size[1]] {
        let side = side.as_f64().expect("pixels");
        assert!(side >= TARGET_MIN, "{selector} is small: {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_claims_pushes_notes_and_snoozes() {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let desk = &mut scene.desk;
    desk.step("phone", "", "").await;
    desk.goto(&scene.page.url("/")).await;
    desk.sees(".line.live").await;
    desk.sees(&row(&two)).await;
    tap(desk, &format!("{} [data-act=claim]", row(&one))).await;
    desk.exists(&format!("{}[data-holder='Ann']", row(&one)))
        .await;
    tap(desk, &format!("{} [data-act=push]", row(&two))).await;
    desk.exists(&format!("{}[data-stage='refund/2']", row(&two)))
        .await;

    tap(desk, &format!("{} a.who", row(&one))).await;
    desk.sees("#panel article").await;
    tap(desk, "form[data-form=note] textarea").await;
    desk.step("type", "", "From the train").await;
    tap(desk, "form[data-form=note] button").await;
    desk.reads(".notes li", "From the train").await;
    tap(desk, "#panel .snooze summary").await;
    tap(desk, "#panel .snooze .presets button").await;
    desk.sees("#panel .facts time.zoned").await;
    desk.is_sound().await;
}
