//! One follow-up beside the board, in a real browser.

use aftercall_proto::workflow::v1::{Caller, FollowUp, GetFollowUpRequest, SetWorkflowRequest};
use aftercall_tests::{Clients, House, push, set_refund, with_refund};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::desk::{Desk, Page};

/// A caller in India: the browser of the tests is in Berlin.
fn from_kolkata(call: &str, phone: &str) -> SetWorkflowRequest {
    let mut request = set_refund(call, 72.5);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller = Some(Caller {
        name: "Asha".to_owned(),
        phone: phone.to_owned(),
        time_zone: "Asia/Kolkata".to_owned(),
        ..Caller::default()
    });
    properties.details = [("parcel".to_owned(), "2 kg".to_owned())].into();
    request
}

async fn set(clients: &mut Clients, request: SetWorkflowRequest) -> FollowUp {
    let set = clients.scripts.set_workflow(request).await;
    let follow_up = set.expect("set").into_inner().follow_up;
    follow_up.expect("a follow-up")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_shows_its_past_path_and_caller() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let one = set(&mut clients, from_kolkata("1001", "+44 20 7946 0001")).await;
    let other = set(&mut clients, from_kolkata("1002", "+442079460001")).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url(&format!("/f/{}", one.instance_id)))
        .await;
    desk.sees(".line.live").await;
    desk.reads("a[href='tel:+44-20-7946-0001']", "+44 20 7946 0001")
        .await;
    desk.sees(&format!(".others a[href='/f/{}']", other.instance_id))
        .await;
    desk.reads(".waits li", "waits").await;
    desk.click("#call summary").await;
    desk.reads("#call dd", "2 kg").await;

    // What Ben does is there at once, and what is open stays open.
    let mut approved = push(&one, "approve", "Ben");
    approved.note = "Checked with <b>stock</b>".to_owned();
    clients.manager.push_button(approved).await.expect("pushed");
    desk.sees("article[data-rev='2'] #call[open]").await;
    desk.click("#history summary").await;
    desk.reads("#history .did", "pushed “Approve”").await;
    desk.reads("#history li", "→ entered 2 · ").await;
    desk.reads("#history blockquote", "<b>stock</b>").await;
    desk.reads("#history b", "Ben").await;
    desk.click("#picture summary").await;
    desk.sees("img.picture[alt*='now in 2 of ']").await;
    desk.is_sound().await;

    let picture = format!("/f/{}/picture", one.instance_id);
    assert_eq!(desk.goto(&page.url(&picture)).await, 200);
    let present = desk.text(".present + text").await;
    assert!(
        present.starts_with("2 ") && present.ends_with('◀'),
        "{present}"
    );
    let visited = desk.text(".visited + text").await;
    assert!(visited.starts_with("1 "), "{visited}");
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_is_by_the_callers_clock() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let one = set(&mut clients, from_kolkata("1001", "+91 22 2345 6789")).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url(&format!("/f/{}", one.instance_id)))
        .await;
    desk.sees(".line.live").await;
    desk.step("press", "", "s").await;
    // Both clocks are shown, and what is clicked is what happens.
    desk.reads(".presets button", "09:00").await;
    desk.reads(".presets button", "where you are").await;
    let tomorrow = ".presets button:has-text('Tomorrow')";
    let shown = desk.step("attribute", tomorrow, "value").await;
    desk.click(tomorrow).await;
    desk.sees(".facts time.zoned").await;
    let snoozed = desk.text(".facts time.zoned").await;
    assert!(snoozed.contains("09:00"), "{snoozed}");

    let request = GetFollowUpRequest {
        instance_id: one.instance_id.clone(),
        ..GetFollowUpRequest::default()
    };
    let read = clients.manager.get_follow_up(request).await;
    let read = read.expect("read").into_inner().follow_up.expect("it");
    let until = read.alerts[0].snoozed_until.expect("snoozed").to_string();
    assert_eq!(shown, until);
    let moment: Timestamp = until.parse().expect("a moment");
    let zone = TimeZone::get("Asia/Kolkata").expect("a zone");
    let clock = zone.to_datetime(moment);
    assert_eq!((clock.hour(), clock.minute()), (9, 0));
    let tomorrow = zone.to_datetime(Timestamp::now()).date().tomorrow();
    assert_eq!(clock.date(), tomorrow.expect("a day"));

    // No list has it but that of what is snoozed, from where it can be brought back.
    desk.click(".tools a[href='/snoozed']").await;
    desk.reads("#snoozed", "Ann").await;
    desk.step("check", "[name=mine]", "").await;
    desk.click("main button").await;
    desk.sees(&format!("#snoozed a[href='/f/{}']", one.instance_id))
        .await;
    desk.click("form[action$='/snooze'] button[value='0']")
        .await;
    desk.sees(".line.live").await;
    desk.sees(&format!("#f-{}", one.instance_id)).await;

    // It can be snoozed until a time of one's own too.
    desk.click(".snooze summary").await;
    desk.fill(".snooze [name=local]", "2027-03-28T02:30").await;
    desk.click(".snooze form:last-child button").await;
    desk.reads(".facts time.zoned", "02:30").await;
    desk.is_sound().await;
    page.stop().await;
}
