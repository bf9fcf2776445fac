//! The pages of authors, in a browser.

use aftercall_tests::{Clients, House, REFUND, push, set, with_refund};

use crate::desk::{Desk, Page};

struct Scene {
    clients: Clients,
    page: Page,
    desk: Desk,
    house: House,
    sessions: tempfile::TempDir,
}

impl Scene {
    /// An author at the list of workflows, of which one is published. The browser runs scripts, or
    /// none.
    async fn start(has_scripts: bool) -> Self {
        let house = House::start().await;
        let clients = with_refund(&house).await;
        let sessions = tempfile::tempdir().expect("a directory");
        let page = Page::start(&house, sessions.path(), 0).await;
        let mut desk = Desk::open().await;
        if !has_scripts {
            desk.step("plain", "", "").await;
        }
        desk.goto(&page.url("/workflows")).await;
        Self {
            clients,
            page,
            desk,
            house,
            sessions,
        }
    }
}

const TEXT: &str = "#editor textarea";

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_mended_in_the_page_and_published() {
    let mut scene = Scene::start(true).await;
    let desk = &mut scene.desk;
    desk.reads("tbody tr", "Refund over the limit").await;
    desk.click("a[href='/workflows/edit']").await;
    let broken = REFUND
        .replace("workflow: refund", "workflow: repair")
        .replace("deadline:", "dead_line:")
        .replace("note: required", "note: perhaps");
    desk.step("upload", "[type=file]", &broken).await;
    desk.click("button[value=check]").await;
    desk.reads("#line-5 .finding", "dead_line").await;
    desk.reads("#line-20 .finding", "perhaps").await;
    assert_eq!(desk.value(TEXT).await, broken, "the text is kept");
    assert_eq!(desk.step("count", ".found > li", "").await, 2);

    // The form is right now, and a team is not: that is a draft which cannot be published.
    let faulty = REFUND
        .replace("workflow: refund", "workflow: repair")
        .replace("team: payments", "team: payment");
    desk.fill(TEXT, &faulty).await;
    desk.click("button[value=store]").await;
    desk.reads(".done", "cannot be published").await;
    desk.reads(".bad .finding code", "UNKNOWN_TEAM").await;
    desk.reads(".bad .finding", "payment").await;
    desk.click("a[data-line]").await;
    desk.goto(&scene.page.url("/workflows/w/repair/publish"))
        .await;
    desk.reads("main", "Correct the errors first").await;
    assert_eq!(desk.step("count", "main form[method=post]", "").await, 0);

    desk.click("main a[href^='/workflows/edit']").await;
    let stored = desk.value(TEXT).await;
    assert!(
        stored.contains("team: payment,") || stored.contains("team: payment\n"),
        "{stored}"
    );
    desk.fill(TEXT, &faulty.replace("team: payment,", "team: payments,"))
        .await;
    desk.click("button[value=store]").await;
    desk.reads(".done", "The draft is stored").await;
    desk.click("a[href$='/publish']").await;
    desk.reads("main", "all of it is new").await;
    desk.click("main form[method=post] button").await;
    desk.reads(".done", "The draft is published").await;
    desk.reads("tr.chosen", "Ann").await;
    desk.is_sound().await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_not_replaced_unseen() {
    let mut scene = Scene::start(false).await;
    let desk = &mut scene.desk;
    let name_taken = REFUND.replace("5d", "6d");
    desk.click("a[href='/workflows/edit']").await;
    desk.fill(TEXT, &name_taken).await;
    desk.click("button[value=store]").await;
    desk.reads(".refused", "There is a workflow of this name")
        .await;
    assert_eq!(desk.value(TEXT).await, name_taken);

    // Meanwhile somebody else publishes.
    let other = REFUND.replace("5d", "7d");
    assert_eq!(scene.clients.publish(&other).await, 2);
    desk.click("button[value=store]").await;
    desk.reads(".refused", "has changed since you opened it")
        .await;
    assert_eq!(desk.value(TEXT).await, name_taken);
    desk.click("button[value=store]").await;
    desk.reads(".done", "The draft is stored").await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_compares_tries_out_and_archives() {
    let mut scene = Scene::start(false).await;
    let one = set(&mut scene.clients, "1001", 72.5).await;
    let approve = push(&one, "approve", "Ben");
    let pushed = scene.clients.manager.push_button(approve).await;
    pushed.expect("it is in stage 2");
    let shorter = REFUND.replace("over the limit", "that is large").replace(
        "  - button: Approve\n    then:\n      - alert: { text: Pay out, team: payments, due: 1d }\n      - button: Paid\n        form: { reference: { type: text, required: true } }\n        then: [ finish: paid ]\n      - button: Ask again\n        then: [ link: new-call ]\n",
        "",
    );
    assert_eq!(scene.clients.publish(&shorter).await, 2);
    let desk = &mut scene.desk;
    desk.goto(&scene.page.url("/workflows/w/refund")).await;
    desk.reads("tr.chosen", "2").await;
    desk.reads(".stages", "Reject").await;
    desk.click("a[href*='differences?to=2']").await;
    desk.reads(".differences", "Approve").await;
    desk.reads(".vanished", "open instances: 1").await;

    desk.goto(&scene.page.url("/workflows/w/refund/try?version=1"))
        .await;
    desk.fill("[name='call.caller']", "Ada").await;
    desk.fill("[name='form.number.amount']", "12").await;
    desk.click("#begin button").await;
    desk.reads("#state-0", "Refund 12 for Ada").await;
    desk.click("form.push:has([value=approve]) button").await;
    desk.reads("#state-1", "Pay out").await;
    desk.fill("[name='push.form.text.reference']", "R-1").await;
    desk.click("form.push:has([value=paid]) button").await;
    desk.reads("#state-2", "Finished").await;
    desk.reads("#state-2", "paid").await;
    let steps = desk.value("[name=steps]").await;
    assert_eq!(steps, "push approve\npush paid reference=\"R-1\"\n");
    desk.fill("#begin [name=steps]", "push approve\nfly away\n")
        .await;
    desk.click("#begin button").await;
    desk.reads(".refused", "line 2").await;

    desk.goto(&scene.page.url("/workflows/w/refund/archive"))
        .await;
    desk.reads("main", "open instances: 1").await;
    desk.click("main form[method=post] button").await;
    desk.reads(".done", "out of use").await;
    desk.goto(&scene.page.url("/workflows")).await;
    desk.reads("main", "There is no workflow yet").await;
    desk.goto(&scene.page.url("/workflows/w/refund/archive"))
        .await;
    desk.click("main form[method=post] button").await;
    desk.reads(".done", "in use again").await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_try_out_has_no_value() {
    let mut scene = Scene::start(true).await;
    let desk = &mut scene.desk;
    desk.goto(&scene.page.url("/workflows/w/refund/try?version=1"))
        .await;
    desk.fill("[name='call.caller']", "Lovelace").await;
    desk.fill("[name='form.number.amount']", "98765.5").await;
    desk.click("#begin button").await;
    desk.reads("#state-0", "Refund 98765.5 for Lovelace").await;
    let first = desk.step("address", "", "").await;
    desk.click("form.push:has([value=approve]) button").await;
    desk.sees("#state-1").await;
    let second = desk.step("address", "", "").await;
    let [first, second] = [first, second].map(|one| one.as_str().expect("text").to_owned());
    assert_ne!(first, second);
    for address in [&first, &second] {
        let query = address.split_once('?').expect("a query").1;
        let names: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .collect();
        assert_eq!(names, ["version", "kept"], "{address}");
        let values = ["Lovelace", "98765", "approve"];
        assert!(
            !values.iter().any(|value| address.contains(value)),
            "{address}"
        );
    }

    // Going back takes back a step, and a reload shows it again, also after a restart of the page.
    desk.step("back", "", "").await;
    desk.reads("#state-0", "Refund 98765.5 for Lovelace").await;
    assert_eq!(desk.step("count", "#state-1", "").await, 0);
    let port = scene.page.address.port();
    scene.page.stop().await;
    scene.page = Page::start(&scene.house, scene.sessions.path(), port).await;
    desk.goto(&second).await;
    desk.sees("#state-1").await;
    assert_eq!(desk.value("[name='call.caller']").await, "Lovelace");

    // What is typed and not sent yet is there again too.
    desk.fill("[name='call.caller']", "Hopper").await;
    desk.goto(&scene.page.url("/workflows")).await;
    desk.goto(&second).await;
    desk.sees("form.typed").await;
    assert_eq!(desk.value("[name='call.caller']").await, "Hopper");
    desk.click("#begin button").await;
    desk.reads("#state-1", "Pay out").await;
    desk.reads("#state-0", "Hopper").await;

    let lost = first.replace("kept=", "kept=x");
    assert_eq!(desk.goto(&lost).await, 409);
    desk.reads(".refused", "begin again").await;
    desk.is_sound().await;
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_and_calendars_are_kept_in_the_page() {
    let mut scene = Scene::start(false).await;
    let desk = &mut scene.desk;
    let title = "<script>window.evil = 1</script>";
    desk.click("a[href='/workflows/teams']").await;
    desk.fill("#team [name=name]", "Not A Name").await;
    desk.fill("#team [name=title]", title).await;
    desk.click("#team button").await;
    desk.sees(".refused").await;
    assert_eq!(desk.value("#team [name=title]").await, title);
    desk.fill("#team [name=name]", "stock").await;
    desk.click("#team button").await;
    desk.reads("tbody", title).await;
    desk.click("a[href='/workflows/teams?remove=stock']").await;
    desk.click("#remove button").await;
    desk.sees(".done").await;
    assert_eq!(desk.step("count", "a[href$='remove=stock']", "").await, 0);
    desk.click("a[href='/workflows/teams?remove=billing']")
        .await;
    desk.click("#remove button").await;
    desk.reads(".refused", "refund").await;

    desk.goto(&scene.page.url("/workflows/calendars")).await;
    for (name, text) in [
        ("name", "office"),
        ("title", "Office"),
        ("time_zone", "Europe/Berlin"),
        ("day0", "08:00-12:00, 13:00-25:00"),
        ("holidays", "2026-12-24 08:00-12:00 Christmas Eve\n12-25"),
    ] {
        desk.fill(&format!("#calendar [name={name}]"), text).await;
    }
    desk.click("#calendar button").await;
    desk.reads(".refused", "calendar.hours.openings").await;
    desk.fill("[name=day0]", "08:00-12:00, 13:00-17:00").await;
    desk.click("#calendar button").await;
    desk.sees(".done").await;
    let holidays = desk.value("[name=holidays]").await;
    assert_eq!(holidays, "2026-12-24 08:00-12:00 Christmas Eve\n12-25");
    scene.page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn titles_like_scripts_are_just_titles() {
    let mut scene = Scene::start(true).await;
    let hostile = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>";
    let file = REFUND
        .replace("Refund over the limit", hostile)
        .replace("button: Approve", &format!("button: \"{hostile}\""))
        .replace("text: Pay out", &format!("text: \"{hostile}\""));
    assert_eq!(scene.clients.publish(&file).await, 2);
    let desk = &mut scene.desk;
    for path in [
        "/workflows",
        "/workflows/w/refund",
        "/workflows/w/refund/differences?from=1&to=2",
        "/workflows/edit?name=refund",
        "/workflows/w/refund/archive",
    ] {
        desk.goto(&scene.page.url(path)).await;
        desk.reads("main", "<script>window.evil").await;
        assert_eq!(desk.step("runs", "", "evil").await, false, "{path}");
    }
    desk.goto(&scene.page.url("/workflows/w/refund/try")).await;
    desk.fill("[name='form.number.amount']", "1").await;
    desk.fill("[name='call.caller']", hostile).await;
    desk.click("#begin button").await;
    desk.reads("#state-0", "<script>window.evil").await;
    assert_eq!(desk.step("runs", "", "evil").await, false);
    let picture = scene.page.url("/workflows/w/refund/picture");
    assert_eq!(desk.goto(&picture).await, 200);
    assert_eq!(desk.step("runs", "", "evil").await, false);
    desk.is_sound().await;
    scene.page.stop().await;
}
