//! The board of the Call Manager in a real browser.

use aftercall_proto::workflow::v1::FollowUp;
use aftercall_tests::{Clients, House, push, set, set_refund, with_refund};

use crate::desk::{Desk, Page};

/// The note of the button that needs one.
const REJECT_NOTE: &str = "form[data-form=push-reject] textarea";

/// Work that nothing but time makes overdue.
const LATE: &str = r#"
format: 1
workflow: late
title: Late
on_new_call:
  - alert: { text: Call back, team: billing, priority: low, due: 1h }
  - button: Called
    then: [ finish: called ]
"#;

/// The row of a follow-up.
pub(crate) fn row(one: &FollowUp) -> String {
    format!("#f-{}", one.instance_id)
}

/// A person who looks at a live board.
pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) clients: Clients,
    sessions: tempfile::TempDir,
    pub(crate) page: Page,
    pub(crate) desk: Desk,
}

impl Scene {
    /// The board has one follow-up.
    pub(crate) async fn start() -> (Self, FollowUp) {
        let house = House::start().await;
        let mut clients = with_refund(&house).await;
        let one = set(&mut clients, "1001", 72.5).await;
        let sessions = tempfile::tempdir().expect("a directory");
        let page = Page::start(&house, sessions.path(), 0).await;
        let mut desk = Desk::open().await;
        desk.goto(&page.url("/")).await;
        desk.sees(".line.live").await;
        let scene = Self {
            house,
            clients,
            sessions,
            page,
            desk,
        };
        (scene, one)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_is_live_and_its_buttons_work() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    let shown = desk.text(&row(&one)).await;
    assert!(
        shown.contains("Ada") && shown.contains("1 of 5 ·"),
        "{shown}"
    );
    let other = set(&mut scene.clients, "1002", 20.0).await;
    desk.sees(&row(&other)).await;

    desk.click(&format!("{} button", row(&one))).await;
    desk.sees(&format!("{}[data-rev='2']", row(&one))).await;
    let shown = desk.text(&row(&one)).await;
    assert!(shown.contains("2 of 5 ·"), "{shown}");

    let approved = push(&other, &other.buttons[0].id, "Ben");
    let pushed = scene.clients.manager.push_button(approved).await;
    pushed.expect("Ben pushes it too");
    desk.sees(&format!("{}[data-rev='2']", row(&other))).await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_where_they_are_under_the_pointer() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    desk.sees(&row(&two)).await;
    desk.step("away", "", "").await;
    let before = desk.rows().await;
    desk.step("hover", &row(&one), "").await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    desk.sees(&row(&three)).await;
    desk.sees("#order:not([hidden])").await;
    let frozen = desk.rows().await;
    assert_eq!(frozen[..2], before[..], "no row has moved");
    desk.step("away", "", "").await;
    desk.step("exists", "#order[hidden]", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_moves_when_its_time_is_over() {
    let (mut scene, one) = Scene::start().await;
    scene.clients.publish(LATE).await;
    let desk = &mut scene.desk;
    desk.step("clock", "", "").await;
    desk.reload().await;
    let mut request = set_refund("1002", 20.0);
    request.workflow = "late".to_owned();
    request.fields.clear();
    let set = scene.clients.scripts.set_workflow(request).await;
    let late = set.expect("set").into_inner().follow_up;
    let late = late.expect("a follow-up");
    desk.sees(&row(&late)).await;
    let ids = |first: &FollowUp, last: &FollowUp| {
        let ids = [first, last].map(|one| one.instance_id.clone());
        ids.to_vec()
    };
    assert_eq!(desk.rows().await, ids(&one, &late));
    // The page looks at its clock every 15 s too, so this comes before that.
    desk.step("later", "", "3590").await;
    assert_eq!(desk.rows().await, ids(&one, &late));
    desk.step("later", "", "11").await;
    desk.sees(&format!("{}.overdue", row(&late))).await;
    assert_eq!(desk.rows().await, ids(&late, &one));
    desk.reads(&format!("{} .when", row(&late)), "late").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_returns_to_the_place_in_the_list() {
    let (mut scene, _) = Scene::start().await;
    let desk = &mut scene.desk;
    for call in 0..150 {
        set(&mut scene.clients, &format!("many/{call}"), 10.0).await;
    }
    desk.step("filled", "", "151").await;
    desk.step("scroll", "", "4000").await;
    desk.step("scrolled", "", "4000").await;
    desk.reload().await;
    desk.step("scrolled", "", "4000").await;
    // "Back" from another page does too.
    desk.goto(&scene.page.url("/snoozed")).await;
    desk.step("back", "", "").await;
    desk.sees(".line.live").await;
    desk.step("scrolled", "", "4000").await;
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_text_survives_restarts_and_refusals() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.click(&format!("{} a.who", row(&one))).await;
    desk.fill(REJECT_NOTE, "The parcel came back").await;
    for call in 0..100 {
        set(&mut scene.clients, &format!("many/{call}"), 10.0).await;
    }
    let port = scene.page.address.port();
    scene.page.stop().await;
    scene.house.stop_alerter().await;
    scene.house.stop_workflow().await;
    desk.sees(".line.lost").await;
    assert_eq!(desk.value(REJECT_NOTE).await, "The parcel came back");

    scene.house.start_workflow().await;
    scene.house.start_alerter().await;
    let page = Page::start(&scene.house, scene.sessions.path(), port).await;
    desk.step("reload", "", "").await;
    assert_eq!(desk.value(REJECT_NOTE).await, "The parcel came back");

    // Somebody else is faster: the claim that typing made is taken over.
    let mut clients = scene.house.clients().await;
    let taken = aftercall_proto::workflow::v1::TakeOverRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        reason: "Ann is away".to_owned(),
        ..Default::default()
    };
    clients
        .manager
        .take_over(taken)
        .await
        .expect("Ben takes it");
    let approved = push(&one, "approve", "Ben");
    clients.manager.push_button(approved).await.expect("pushed");
    desk.click("form[data-form=push-reject] button.main").await;
    desk.sees(".refused").await;
    let refused = desk.text(".refused").await;
    assert!(refused.contains("Not done"), "{refused}");
    // The form is gone with its stage, the text is not, also after another look.
    assert_eq!(desk.value(".kept textarea").await, "The parcel came back");
    desk.step("reload", "", "").await;
    assert_eq!(desk.value(".kept textarea").await, "The parcel came back");
    desk.is_sound().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_named_like_a_script_is_just_a_caller() {
    let (mut scene, _) = Scene::start().await;
    let name = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>";
    let mut request = set_refund("1004", 20.0);
    request
        .properties
        .as_mut()
        .and_then(|properties| properties.caller.as_mut())
        .expect("a caller")
        .name = name.to_owned();
    let set = scene.clients.scripts.set_workflow(request).await;
    let one = set
        .expect("set")
        .into_inner()
        .follow_up
        .expect("a follow-up");
    let desk = &mut scene.desk;
    desk.sees(&row(&one)).await;
    desk.reads(&row(&one), "<script>").await;
    desk.click(&format!("{} a.who", row(&one))).await;
    desk.fill("form[data-form=note] textarea", name).await;
    desk.click("form[data-form=note] button").await;
    desk.sees(".notes li").await;
    desk.reads(".notes li p", "<img").await;
    desk.step("reload", "", "").await;
    assert_eq!(desk.step("runs", "", "evil").await, false);
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_moves_claims_and_notes() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("press", "", "j").await;
    assert_eq!(desk.step("focused", "", "").await, one.instance_id);
    desk.step("press", "", "c").await;
    desk.sees(&format!("{}[data-holder='Ann']", row(&one)))
        .await;
    desk.step("press", "", "Escape").await;
    desk.step("gone", "#panel article", "").await;
    desk.fill("#filter [name=q]", "nobody has this name").await;
    desk.sees("#nothing:not([hidden])").await;
    assert!(desk.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_age_changes_when_its_text_does() {
    let (mut scene, one) = Scene::start().await;
    let desk = &mut scene.desk;
    desk.step("clocked", "", &scene.page.url("/")).await;
    desk.sees(".line.live").await;
    // The refund is due in four hours: "14:15 · 3 hr", and minutes from the last hour on.
    desk.step("later", "", "11000").await;
    let when = format!("{} time.due", row(&one));
    let mut changes = 0;
    let mut shown_before = None;
    for second in 0..130 {
        desk.step("later", "", "1").await;
        let seen = desk.step("time_left", &when, "").await;
        let (text, left) = (seen[0].as_str(), seen[1].as_f64());
        let (text, left) = (text.expect("a text"), left.expect("seconds"));
        let shown = text.rsplit('·').next().unwrap_or_default();
        let shown: i64 = shown
            .split_whitespace()
            .find_map(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("{text}"));
        // It is at most a second late.
        let minutes = |left: f64| (left / 60.0) as i64;
        assert!(
            [minutes(left), minutes(left + 1.5)].contains(&shown),
            "after {second} s: {text}, {left} s"
        );
        changes += u32::from(
            shown_before
                .replace(shown)
                .is_some_and(|before| before != shown),
        );
    }
    assert!(changes >= 2, "{changes}");
    desk.is_sound().await;
}
