//! The page can be used by everybody: WCAG 2.2 AA by axe on each page, the keyboard alone, narrow and
//! zoomed windows, both colours, other scripts, zones and languages.

use aftercall_proto::workflow::v1::{FollowUp, ImportWorkflowRequest};
use aftercall_tests::{Clients, House, REFUND, set, set_refund, with_refund};
use call_manager::config::CallManagerConfig;
use serde_json::json;
use tempfile::TempDir;

use crate::desk::{Desk, Page};
use crate::pages::{BEHIND_FORMS, PAGES};

/// Where pictures of all pages are kept, for people to look at.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pages");

/// A broken file: its editor shows the findings at their lines.
const BROKEN: &str = "format: 1\nworkflow: broken\ntitle: Broken\nnonsense: 1\n";

struct Scene {
    house: House,
    clients: Clients,
    _sessions: TempDir,
    page: Page,
    desk: Desk,
    one: FollowUp,
}

impl Scene {
    async fn start() -> Self {
        let house = House::start().await;
        let mut clients = with_refund(&house).await;
        let one = set(&mut clients, "1001", 72.5).await;
        let draft = ImportWorkflowRequest {
            file: REFUND.replace("workflow: refund", "workflow: repair"),
            actor: "author".to_owned(),
            ..ImportWorkflowRequest::default()
        };
        let imported = clients.definitions.import_workflow(draft).await;
        imported.expect("a draft");
        let sessions = tempfile::tempdir().expect("a directory");
        let page = Page::start(&house, sessions.path(), 0).await;
        Self {
            house,
            clients,
            _sessions: sessions,
            page,
            desk: Desk::open().await,
            one,
        }
    }

    fn row(&self) -> String {
        format!("#f-{}", self.one.instance_id)
    }

    /// The address of a try-out with a step.
    async fn tried(&mut self) -> String {
        let desk = &mut self.desk;
        desk.goto(&self.page.url("/workflows/w/refund/try")).await;
        desk.fill("[name='form.number.amount']", "1").await;
        desk.click("#begin button").await;
        desk.sees("#next").await;
        let address = desk.step("address", "", "").await;
        let address = address.as_str().expect("an address");
        address.replace(&self.page.url(""), "")
    }
}

/// Checks the page that is open in each width and colour, and keeps pictures of it. Returns what is
/// wrong.
async fn check(desk: &mut Desk, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    // 640 is a window of 1,280 at a zoom of 200 %.
    for (colours, width) in [
        ("light", "1280"),
        ("dark", "1280"),
        ("light", "640"),
        ("dark", "320"),
    ] {
        let here = desk.step("fits", colours, width).await;
        for what in here.as_array().expect("a list") {
            found.push(format!("{name} {colours} {width}: {what}"));
        }
        if width != "640" {
            let file = if name == "/" {
                "board"
            } else {
                name.trim_start_matches('/')
            };
            let file = file.replace(|sign: char| !sign.is_alphanumeric(), "-");
            let path = format!("{PICTURES}/{file}-{colours}-{width}.png");
            desk.step("top", width, &path).await;
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_in_each_width_and_colour() {
    let mut scene = Scene::start().await;
    for caller in [
        "דנה לוי",
        "محمد",
        "An unusually-long-name-without-any-space-in-it-at-all",
    ] {
        let mut request = set_refund(caller, 10.0);
        let properties = request.properties.as_mut().expect("properties");
        properties.caller.as_mut().expect("a caller").name = caller.to_owned();
        scene
            .clients
            .scripts
            .set_workflow(request)
            .await
            .expect("set");
    }
    let mut found = Vec::new();
    let tried = scene.tried().await;
    for (path, shown) in PAGES {
        let address = path.replace("ID", &scene.one.instance_id);
        let address = address.replace("TRIED", &tried);
        scene.desk.goto(&scene.page.url(&address)).await;
        scene.desk.sees(shown).await;
        found.extend(check(&mut scene.desk, path).await);
    }
    assert!(found.is_empty(), "{found:#?}");
    // The control: axe finds an image without a text, and a wide element is noticed.
    scene.desk.step("spoil", "", "").await;
    let spoilt = scene.desk.step("fits", "light", "320").await.to_string();
    assert!(
        spoilt.contains("image-alt") && spoilt.contains("too wide"),
        "{spoilt}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_behind_forms_are_accessible_too() {
    let mut scene = Scene::start().await;
    // What is done to several is a batch.
    set(&mut scene.clients, "1003", 20.0).await;
    let (page, desk) = (&scene.page, &mut scene.desk);
    let mut found = Vec::new();
    desk.goto(&page.url("/workflows/edit")).await;
    desk.fill("#editor textarea", BROKEN).await;
    desk.click("button[value=check]").await;
    desk.sees("main .finding").await;
    found.extend(check(desk, "/workflows/edit findings").await);

    desk.goto(&page.url("/instances/work?workflow=refund&all=1"))
        .await;
    desk.step("check", "#work [value=cancel]", "").await;
    desk.fill("#work [name=reason]", "a mistake").await;
    desk.click("#work button").await;
    desk.sees("#outlook").await;
    found.extend(check(desk, "/instances/work dry run").await);
    desk.click("#start button").await;
    desk.reads("#progress h2", "Done").await;
    found.extend(check(desk, BEHIND_FORMS[0]).await);

    let mut request = set_refund("1002", 10.0);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller.as_mut().expect("a caller").phone = "+49 30 1234".to_owned();
    let set = scene.clients.scripts.set_workflow(request).await;
    set.expect("set");
    desk.goto(&page.url("/instances/erasures")).await;
    desk.fill("#look [name=known_by]", "+49 30 1234").await;
    desk.fill("#look [name=reason]", "a wish").await;
    desk.click("#look button").await;
    desk.sees("#found").await;
    found.extend(check(desk, "/instances/erasures question").await);
    desk.fill("#erase [name=again]", "+49 30 1234").await;
    desk.click("#erase button").await;
    desk.sees("#progress").await;
    found.extend(check(desk, BEHIND_FORMS[1]).await);

    // The page names its provider before it has asked for anything.
    let settings = CallManagerConfig {
        oidc_issuer: "http://127.0.0.1:9".to_owned(),
        oidc_client_id: "call-manager".to_owned(),
        ..CallManagerConfig::default()
    };
    let other = Page::start_with(&scene.house, settings, 0).await;
    desk.goto(&other.url("/sign-in")).await;
    desk.sees("a.button.main").await;
    found.extend(check(desk, "/sign-in provider").await);
    assert!(found.is_empty(), "{found:#?}");
    desk.is_sound().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_does_the_work() {
    let mut scene = Scene::start().await;
    let row = scene.row();
    let desk = &mut scene.desk;
    desk.goto(&scene.page.url("/")).await;
    desk.sees(".line.live").await;
    desk.step("tabTo", "a.skip", "").await;
    assert_eq!(desk.step("outlined", "", "").await, true);
    desk.step("press", "", "Enter").await;
    desk.step("tabTo", &format!("{row} a"), "").await;
    assert_eq!(desk.step("outlined", "", "").await, true);
    desk.step("press", "", "Enter").await;
    desk.step("has_focus", "#panel h2", "").await;
    desk.step("tabTo", "form[data-form=note] textarea", "")
        .await;
    desk.step("type", "", "By the keyboard alone").await;
    desk.step("tabTo", "form[data-form=note] button", "").await;
    desk.step("press", "", "Enter").await;
    desk.reads(".notes li", "By the keyboard alone").await;
    desk.step("press", "", "Escape").await;
    desk.step("has_focus", &format!("{row} a"), "").await;
    // Screen readers hear of one line, never of the list.
    let live = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log]";
    assert_eq!(desk.step("visible", live, "").await, 1);
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_times_and_words_are_those_of_the_viewer() {
    let mut scene = Scene::start().await;
    let mut request = set_refund("1002", 10.0);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller.as_mut().expect("a caller").name = "דנה (לוי) 12".to_owned();
    let set = scene.clients.scripts.set_workflow(request).await;
    let other = set.expect("set").into_inner().follow_up.expect("there");
    let row = scene.row();
    let desk = &mut scene.desk;
    desk.goto(&scene.page.url("/")).await;
    desk.sees(".line.live").await;
    // A name from right to left disturbs no other part of its row.
    let hebrew = format!("#f-{}", other.instance_id);
    let places = desk.step("places", &hebrew, "").await;
    assert_eq!(places, desk.step("places", &row, "").await);
    assert_eq!(
        desk.step("attribute", &format!("{hebrew} [dir]"), "dir")
            .await,
        "auto"
    );

    desk.goto(&scene.page.url(&format!("/f/{}", other.instance_id)))
        .await;
    let time = "#panel time.at";
    let utc = desk.step("attribute", time, "datetime").await;
    let utc: jiff::Timestamp = utc.as_str().expect("a time").parse().expect("a time");
    let there = utc
        .in_tz("Europe/Berlin")
        .expect("a zone")
        .strftime("%H:%M")
        .to_string();
    desk.reads(time, &there).await;

    desk.step("language", "", "de-AT").await;
    desk.goto(&scene.page.url("/")).await;
    desk.sees(".line.live").await;
    desk.reads(".line", "Aktuell").await;
    assert_eq!(desk.step("attribute", "html", "lang").await, json!("de"));
    // A refusal is in the language of the page, with the sentence of the server as its detail.
    desk.goto(&scene.page.url(&format!("/f/{}", other.instance_id)))
        .await;
    desk.sees(".line.live").await;
    desk.click("#apart summary").await;
    let form = "form[data-form=hand-over]";
    desk.fill(&format!("{form} [name=to_team]"), "nowhere")
        .await;
    desk.click(&format!("{form} button")).await;
    desk.reads(
        ".refused",
        "Etwas im Formular ist ungültig · to_team: there is no team",
    )
    .await;
    desk.step("language", "", "fr-FR").await;
    desk.goto(&scene.page.url("/")).await;
    desk.reads(".line", "Live").await;
}
