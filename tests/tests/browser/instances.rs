//! The pages of operators, in a browser. Most of them in one that runs no scripts.

use aftercall_proto::workflow::v1::FollowUp;
use aftercall_tests::{Clients, House, REFUND, set, set_refund, with_refund};

use crate::desk::{Desk, Page};

struct Scene {
    clients: Clients,
    page: Page,
    desk: Desk,
    _house: House,
    _sessions: tempfile::TempDir,
}

impl Scene {
    async fn start(has_scripts: bool) -> Self {
        let house = House::start().await;
        let clients = with_refund(&house).await;
        let sessions = tempfile::tempdir().expect("a directory");
        let page = Page::start(&house, sessions.path(), 0).await;
        let mut desk = Desk::open().await;
        if !has_scripts {
            desk.step("plain", "", "").await;
        }
        Self {
            clients,
            page,
            desk,
            _house: house,
            _sessions: sessions,
        }
    }

    async fn goto(&mut self, path: &str) {
        let url = self.page.url(path);
        self.desk.goto(&url).await;
    }

    async fn look_at(&mut self, one: &FollowUp) {
        self.goto(&format!("/instances/i/{}", one.instance_id))
            .await;
    }

    /// A follow-up of a caller with a telephone number.
    async fn set_for(&mut self, call: &str, name: &str, phone: &str) -> FollowUp {
        let mut request = set_refund(call, 20.0);
        let properties = request.properties.as_mut();
        let caller = properties.and_then(|properties| properties.caller.as_mut());
        let caller = caller.expect("a caller");
        caller.name = name.to_owned();
        caller.phone = phone.to_owned();
        let answer = self.clients.scripts.set_workflow(request).await;
        let answer = answer.expect("set").into_inner();
        answer.follow_up.expect("a follow-up")
    }
}

const HOSTILE: &str = "<script>window.evil = 1</script>";

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_a_change_would_do_first() {
    let mut scene = Scene::start(false).await;
    let one = set(&mut scene.clients, "1001", 72.5).await;
    let two = scene.set_for("1002", HOSTILE, "+49 30 1234").await;
    scene
        .clients
        .publish(&REFUND.replace("button: Paid", "button: Paid out"))
        .await;
    scene
        .goto("/instances?workflow=refund&stage=1&version=1")
        .await;
    scene.desk.reads("main", "Matching: 2").await;
    scene.desk.reads("tbody", HOSTILE).await;

    scene.desk.sees("#by select[name=stage]").await;

    // Move.
    scene.look_at(&one).await;
    scene.desk.reads(".explained", "Approve").await;
    scene.desk.step("choose", "#move select", "2").await;
    scene.desk.fill("#move [name=reason]", HOSTILE).await;
    scene.desk.click("#move button").await;
    scene.desk.reads("#tried", "2 · ").await;
    scene
        .desk
        .reads("#outlook", "Nothing has been done yet")
        .await;
    scene.desk.click("#start button").await;
    scene.desk.reads("#stage", "2 · ").await;
    scene.desk.reads(".history", HOSTILE).await;

    // Migrate: the button of stage 2 has another id in version 2, its stage is not the instance's.
    scene.desk.step("choose", "#migrate select", "2").await;
    scene.desk.fill("#migrate [name=reason]", "new words").await;
    scene.desk.click("#migrate button").await;
    scene.desk.reads("#outlook", "would be done: 1").await;
    scene.desk.click("#start button").await;
    scene.desk.reads(".head", "Version 2").await;

    // Cancel: somebody else was faster.
    scene.look_at(&two).await;
    scene.desk.fill("#cancel [name=reason]", "a mistake").await;
    scene.desk.click("#cancel button").await;
    scene.desk.reads("#tried", "Cancelled").await;
    let pushed = aftercall_tests::push(&two, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(pushed).await;
    pushed.expect("Ben is faster");
    scene.desk.click("#start button").await;
    scene.desk.reads(".refused", "has changed since").await;
    assert_eq!(scene.desk.value("#work [name=reason]").await, "a mistake");
    scene.desk.click("#work button").await;
    scene.desk.click("#start button").await;
    scene.desk.reads("#status", "Cancelled").await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_what_its_dry_run_has_shown() {
    let mut scene = Scene::start(true).await;
    for call in 0..3 {
        set(&mut scene.clients, &format!("many/{call}"), 10.0).await;
    }
    scene.goto("/instances?workflow=refund").await;
    scene.desk.click("button[name=all]").await;
    scene.desk.reads("main", "Instances: 3").await;
    scene.desk.step("check", "#work [value=move]", "").await;
    scene
        .desk
        .step("choose", "#work [name=stage_to]", "2")
        .await;
    scene.desk.fill("#work [name=reason]", "the press").await;
    scene.desk.click("#work button").await;
    scene.desk.reads("#outlook", "would be done: 3").await;

    // One comes after the look: it is not in the batch.
    let late = set(&mut scene.clients, "late", 10.0).await;
    scene.desk.click("#start button").await;
    scene.desk.reads("#progress h2", "Done").await;
    scene.desk.reads("#progress", "done 3, refused 0").await;
    let items = scene.desk.step("count", "#progress tbody tr", "").await;
    assert_eq!(items, 3);
    scene.look_at(&late).await;
    scene.desk.reads("#stage", "1 · ").await;
    scene.goto("/instances/batches").await;
    scene.desk.reads("tbody", "the press").await;
    scene.desk.is_sound().await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_gone_is_named_before_migrating() {
    let mut scene = Scene::start(false).await;
    let one = set(&mut scene.clients, "1001", 72.5).await;
    let pushed = aftercall_tests::push(&one, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(pushed).await;
    pushed.expect("it is in stage 2");
    scene
        .clients
        .publish(&REFUND.replace("button: Approve", "button: Agree"))
        .await;
    scene.look_at(&one).await;
    scene.desk.step("choose", "#migrate select", "2").await;
    scene.desk.fill("#migrate [name=reason]", "new words").await;
    scene.desk.click("#migrate button").await;
    scene.desk.reads("#tried", "STAGE_GONE").await;
    scene.desk.reads(".stages", "After Agree").await;
    assert_eq!(scene.desk.step("count", "#start", "").await, 0);
    // "After Agree" has a number of its own: numbers are never used again.
    let place = "#work option:has-text('After Agree')";
    let stage = scene.desk.text(place).await;
    let number = stage.split(' ').next().expect("a number");
    let mapping = format!("2={number}");
    scene.desk.fill("#work [name=mapping]", &mapping).await;
    scene.desk.click("#work button").await;
    scene.desk.reads("#outlook", "would be done: 1").await;
    scene.desk.click("#start button").await;
    scene.desk.reads("#stage", "After Agree").await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_batch_is_stopped() {
    let mut scene = Scene::start(false).await;
    for call in 0..4 {
        set(&mut scene.clients, &format!("many/{call}"), 10.0).await;
    }
    scene.goto("/instances/work?workflow=refund&all=1").await;
    scene.desk.step("check", "#work [value=cancel]", "").await;
    scene.desk.fill("#work [name=per_second]", "1").await;
    scene.desk.fill("#work [name=reason]", HOSTILE).await;
    scene.desk.click("#work button").await;
    scene.desk.click("#start button").await;
    scene.desk.fill("#stop [name=reason]", "wrong filter").await;
    scene.desk.click("#stop button").await;
    scene.desk.reads("#progress h2", "Stopped").await;
    scene.desk.reads("#progress", "Waits").await;
    scene.desk.reads("main", HOSTILE).await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_needs_its_confirmation() {
    let mut scene = Scene::start(true).await;
    let phone = "+49 30 1234";
    let one = scene.set_for("1001", "Ada", phone).await;
    scene.goto("/instances/erasures").await;
    scene.desk.fill("#look [name=known_by]", phone).await;
    scene.desk.fill("#look [name=reason]", "asked for it").await;
    scene.desk.click("#look button").await;
    scene.desk.reads("#found", "test / 1001").await;
    scene.desk.fill("#erase [name=again]", "+49 30 1235").await;
    scene.desk.click("#erase button").await;
    scene.desk.reads(".refused", "Nothing was erased").await;
    scene.look_at(&one).await;
    scene.desk.reads("main", "Ada").await;

    scene.goto("/instances/erasures").await;
    scene.desk.fill("#look [name=known_by]", phone).await;
    scene.desk.fill("#look [name=reason]", "asked for it").await;
    scene.desk.click("#look button").await;
    scene.desk.fill("#erase [name=again]", phone).await;
    scene.desk.click("#erase button").await;
    scene.desk.reads("#progress", "still open: 1").await;
    scene.look_at(&one).await;
    scene.desk.reads(".history", "erased the caller").await;
    assert!(!scene.desk.text("main").await.contains("Ada"));
    scene.desk.is_sound().await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_and_the_figures_are_in_words() {
    let mut scene = Scene::start(false).await;
    let one = scene.set_for("1001", "Ada", "+49 30 1234").await;
    scene.goto("/instances/server").await;
    scene.desk.reads("main", "workflow-server").await;
    scene.goto("/instances/stuck?longer=0s").await;
    scene.desk.reads("tbody", &one.instance_id).await;
    scene.desk.reads("tbody", "Nobody holds it").await;
    scene.goto("/instances?caller=%2B4930%201234").await;
    scene.desk.reads("tbody", &one.instance_id).await;
    scene.goto("/instances?stage=two").await;
    scene.desk.reads(".refused", "stage").await;
    scene.goto("/instances/report?from=2026-01-01").await;
    scene.desk.reads("table", "refund").await;
    scene.page.stop().await;
}
