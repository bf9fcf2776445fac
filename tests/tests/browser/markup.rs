//! Texts that look like a part of a web page: in every field that people can fill, they are texts.

use aftercall_proto::workflow::v1::{
    AddNoteRequest, Caller, ClaimFollowUpRequest, FollowUp, PauseFollowUpRequest,
    PushButtonRequest, ResumeFollowUpRequest, SetWorkflowRequest,
};
use aftercall_tests::{Clients, House, push, set_refund, text, with_refund};

use crate::desk::{Desk, Page};

/// A workflow whose every text is hostile.
const FILE: &str = r#"
format: 1
workflow: markup
title: "TITLE"
fields: { why: { type: text } }
on_new_call_title: "STAGE"
on_new_call:
  - alert: { text: "ALERT {{ fields.why }}", team: billing, due: 4h }
  - button: "BUTTON"
    id: go
    confirm: "QUESTION"
    form: { how: { type: text, label: "LABEL" } }
    title: "AFTER"
    then:
      - alert: { text: "Next", team: billing }
      - button: End
        then: [ finish: done ]
"#;

/// A text that runs where a page takes it for a part of itself; its end names it.
fn hostile(name: &str) -> String {
    format!("<img src=x onerror='window.evil=1'><script>window.evil=1</script>{name}")
}

/// The same for the name of a detail, which has few characters.
fn short(name: &str) -> String {
    format!("<script>window.evil=1</script>{name}")
}

fn hostile_call() -> SetWorkflowRequest {
    let mut request = set_refund("1001", 1.0);
    request.workflow = "markup".to_owned();
    request.fields = [("why".to_owned(), text(&hostile("field")))].into();
    let properties = request.properties.as_mut().expect("properties");
    properties.customer = hostile("customer");
    properties.agent = hostile("agent");
    properties.details = [(short("detail"), hostile("value"))].into();
    properties.caller = Some(Caller {
        name: hostile("name"),
        phone: "<script>window.evil=1</script>0123".to_owned(),
        reference: hostile("reference"),
        email: hostile("email"),
        ..Caller::default()
    });
    request
}

/// Fills every field that people can fill, as a person with a hostile name.
async fn work(clients: &mut Clients, one: &FollowUp) {
    let (actor, instance_id) = (hostile("actor"), one.instance_id.clone());
    let claim = ClaimFollowUpRequest {
        actor: actor.clone(),
        instance_id: instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let note = AddNoteRequest {
        actor: actor.clone(),
        instance_id: instance_id.clone(),
        text: hostile("note"),
        ..AddNoteRequest::default()
    };
    let pause = PauseFollowUpRequest {
        actor: actor.clone(),
        instance_id: instance_id.clone(),
        reason: hostile("reason"),
        ..PauseFollowUpRequest::default()
    };
    let manager = &mut clients.manager;
    manager.claim_follow_up(claim).await.expect("held");
    manager.add_note(note).await.expect("noted");
    manager.pause_follow_up(pause).await.expect("paused");
}

/// The texts that a follow-up shows.
const OF_FOLLOW_UP: [&str; 15] = [
    "name",
    "reference",
    "email",
    "customer",
    "agent",
    "detail",
    "value",
    "field",
    "title",
    "stage",
    "alert",
    "note",
    "reason",
    "actor",
    "0123",
];

async fn shows(desk: &mut Desk, path: &str, names: &[&str]) {
    let shown = desk.text("body").await;
    for name in names {
        let is_shown = shown.contains(&short(name));
        assert!(is_shown, "{path} shows no {name}: {shown}");
    }
    is_harmless(desk, path).await;
}

/// No text of the page has become a part of it.
async fn is_harmless(desk: &mut Desk, path: &str) {
    let parts = "img[src=x], script:not([src])";
    assert_eq!(desk.step("count", parts, "").await, 0, "{path}");
    assert_eq!(desk.step("runs", "", "evil").await, false, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_any_field_is_only_text() {
    let house = House::start().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing"]).await;
    let mut file = FILE.to_owned();
    for name in [
        "TITLE", "STAGE", "ALERT", "BUTTON", "QUESTION", "LABEL", "AFTER",
    ] {
        file = file.replace(name, &hostile(&name.to_lowercase()));
    }
    clients.publish(&file).await;
    let set = clients.scripts.set_workflow(hostile_call()).await;
    let one = set.expect("set").into_inner().follow_up.expect("it");
    work(&mut clients, &one).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;

    let path = format!("/f/{}", one.instance_id);
    desk.goto(&page.url(&path)).await;
    desk.sees(".line.live").await;
    desk.click("#history summary").await;
    desk.sees("#history .did").await;
    shows(&mut desk, &path, &OF_FOLLOW_UP).await;
    for path in ["/team", &format!("{path}/history"), "/wall", "/"] {
        desk.goto(&page.url(path)).await;
        let (ready, names) = match path {
            "/team" => ("#holders tbody a", &["stage", "actor"][..]),
            "/wall" => ("#open", &["stage"][..]),
            "/" => (
                "#list .row",
                &["name", "customer", "title", "stage", "actor"][..],
            ),
            _ => (".history", &["note", "reason", "actor", "field"][..]),
        };
        desk.sees(ready).await;
        shows(&mut desk, path, names).await;
    }
    // A wall shows no name.
    desk.goto(&page.url("/wall")).await;
    desk.sees("#open").await;
    assert!(!desk.text("main").await.contains("actor"));
    desk.goto(&page.url("/team")).await;
    desk.click("#holders tbody a").await;
    desk.sees("#held .work").await;
    let held = ["actor", "name", "customer", "title", "stage", "alert"];
    shows(&mut desk, "/team/person", &held).await;
    desk.goto(&page.url("/")).await;
    desk.goto(&page.url(&path)).await;
    desk.click(".others a").await;
    desk.sees(".work").await;
    let of_caller = [
        "name",
        "customer",
        "title",
        "stage",
        "alert",
        "reference",
        "email",
    ];
    shows(&mut desk, "/caller", &of_caller).await;

    // The picture of the workflow, and the form of the button once it may be pushed.
    let resume = ResumeFollowUpRequest {
        actor: hostile("actor"),
        instance_id: one.instance_id.clone(),
        ..ResumeFollowUpRequest::default()
    };
    clients.manager.resume_follow_up(resume).await.expect("on");
    desk.goto(&page.url(&path)).await;
    desk.sees("form.asks").await;
    shows(&mut desk, &path, &["button", "question", "label"]).await;
    let pushed = PushButtonRequest {
        form: [("how".to_owned(), text(&hostile("form")))].into(),
        note: hostile("pushed"),
        ..push(&one, "go", &hostile("actor"))
    };
    clients.manager.push_button(pushed).await.expect("pushed");
    desk.goto(&page.url(&format!("{path}/history"))).await;
    shows(&mut desk, "history", &["form", "pushed", "button", "after"]).await;
    desk.goto(&page.url(&format!("{path}/picture"))).await;
    assert_eq!(desk.step("count", "script", "").await, 0);
    desk.is_sound().await;
    page.stop().await;
}

/// Opens the history of a follow-up, which shows these texts.
async fn history_shows(desk: &mut Desk, page: &Page, one: &FollowUp, names: &[&str]) {
    let path = format!("/f/{}/history", one.instance_id);
    desk.goto(&page.url(&path)).await;
    shows(desk, &path, names).await;
}

/// Fills in a form of the panel, after whose button somebody holds the follow-up.
async fn pass_on(desk: &mut Desk, form: &str, fields: &[(&str, &str)], one: &FollowUp) {
    desk.click("#apart summary").await;
    for (name, of) in fields {
        let field = format!("[data-form={form}] [name={name}]");
        desk.fill(&field, &hostile(of)).await;
    }
    desk.click(&format!("[data-form={form}] button")).await;
    let holder = match fields {
        [("to", name), ..] => name,
        _ => "Ann",
    };
    desk.exists(&format!("#f-{}[data-holder$='{holder}']", one.instance_id))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_that_people_type_is_only_text() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1001", 1.0);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller.as_mut().expect("a caller").phone = "+49 30 1234".to_owned();
    let set = clients.scripts.set_workflow(request).await;
    let one = set.expect("set").into_inner().follow_up.expect("it");
    let claim = ClaimFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let claimed = clients.manager.claim_follow_up(claim).await;
    claimed.expect("Ben holds it");
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    let path = page.url(&format!("/f/{}", one.instance_id));

    desk.goto(&path).await;
    desk.sees(".line.live").await;
    pass_on(&mut desk, "take-over", &[("reason", "takeover")], &one).await;
    desk.goto(&path).await;
    desk.sees(".line.live").await;
    let handed = [("to", "recipient"), ("reason", "handover")];
    pass_on(&mut desk, "hand-over", &handed, &one).await;
    is_harmless(&mut desk, "the panel").await;

    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    desk.click(&format!("#f-{} .pick", one.instance_id)).await;
    desk.click("#selection [data-work=pause]").await;
    desk.fill("#batch [name=reason]", &hostile("bulk")).await;
    desk.click("#batch [value=check]").await;
    desk.click("#batch [value=start]").await;
    desk.reads("#batch-results p", "Done: 1").await;
    shows(&mut desk, "the selection", &["recipient"]).await;
    let typed = ["takeover", "handover", "recipient", "bulk"];
    history_shows(&mut desk, &page, &one, &typed).await;

    desk.goto(&page.url("/my-work")).await;
    desk.fill("#away [name=until]", "2027-06-01T08:30").await;
    desk.fill("#away [name=instead]", &hostile("instead")).await;
    desk.click("#away form.push button").await;
    desk.sees("#away p").await;
    shows(&mut desk, "/my-work", &["instead"]).await;
    desk.goto(&page.url("/team")).await;
    desk.sees("#holders li").await;
    shows(&mut desk, "/team", &["recipient"]).await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_filters_and_offices_is_only_text() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1001", 1.0);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller.as_mut().expect("a caller").phone = "+49 30 1234".to_owned();
    clients.scripts.set_workflow(request).await.expect("set");
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;

    // What is typed comes back in the fields, from the address too.
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    for name in ["q", "team", "customer", "workflow"] {
        let field = format!("#filter [name={name}]");
        desk.fill(&field, &hostile(name)).await;
    }
    desk.reload().await;
    for name in ["q", "team", "customer", "workflow"] {
        let field = format!("#filter [name={name}]");
        assert_eq!(desk.value(&field).await, hostile(name));
    }
    is_harmless(&mut desk, "the filter").await;
    desk.click("#views summary").await;
    desk.fill("#save-view [name=view]", &short("view")).await;
    desk.click("#save-view button").await;
    desk.sees("#views a[aria-current]").await;
    shows(&mut desk, "the views", &["view"]).await;

    for name in ["customer", "holder", "team", "workflow", "older"] {
        desk.goto(&page.url("/instances")).await;
        let field = format!("#by [name={name}]");
        desk.fill(&field, &hostile(name)).await;
        desk.click("#by button").await;
        desk.sees("main").await;
        assert_eq!(desk.value(&field).await, hostile(name));
        is_harmless(&mut desk, &format!("/instances {name}")).await;
    }

    desk.goto(&page.url("/workflows/calendars")).await;
    for (name, text) in [
        ("name", "office"),
        ("title", hostile("calendar").as_str()),
        ("time_zone", "Europe/Berlin"),
        ("day0", "08:00-12:00"),
        ("holidays", format!("12-25 {}", short("holiday")).as_str()),
    ] {
        desk.fill(&format!("#calendar [name={name}]"), text).await;
    }
    desk.click("#calendar button").await;
    desk.sees(".done").await;
    shows(&mut desk, "/workflows/calendars", &["calendar"]).await;
    let holidays = desk.value("[name=holidays]").await;
    assert!(holidays.contains(&short("holiday")), "{holidays}");

    desk.goto(&page.url("/instances/erasures")).await;
    desk.fill("#look [name=known_by]", "+49 30 1234").await;
    desk.fill("#look [name=reason]", &hostile("wish")).await;
    desk.click("#look button").await;
    desk.fill("#erase [name=again]", "+49 30 1234").await;
    desk.click("#erase button").await;
    desk.sees("#progress").await;
    shows(&mut desk, "an erasure", &["wish"]).await;
    desk.goto(&page.url("/instances/erasures")).await;
    shows(&mut desk, "/instances/erasures", &["wish"]).await;
    desk.is_sound().await;
    page.stop().await;
}
