//! Times in the zone of the viewer, with the clock of the caller beside them.

use aftercall_proto::workflow::v1::Caller;
use aftercall_tests::set_refund;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::board::{Scene, row};

#[tokio::test(flavor = "multi_thread")]
async fn all_times_are_in_the_chosen_zone() {
    let (mut scene, one) = Scene::start().await;
    let mut request = set_refund("1002", 20.0);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller = Some(Caller {
        name: "Asha".to_owned(),
        time_zone: "Asia/Kolkata".to_owned(),
        ..Caller::default()
    });
    let set = scene.clients.scripts.set_workflow(request).await;
    let two = set.expect("set").into_inner().follow_up.expect("it");
    let due = two.alerts[0].due.expect("due").to_string();
    let due: Timestamp = due.parse().expect("a moment");
    let clock = |zone: &str| {
        let zone = TimeZone::get(zone).expect("a zone");
        due.to_zoned_datetime(zone).strftime("%H:%M").to_string()
    };
    let (here, there) = (clock("Europe/Berlin"), clock("Asia/Kolkata"));
    let desk = &mut scene.desk;
    let (when, caller) = (row(&two) + " time.due", row(&two) + " time.there");
    desk.reads(&when, &here).await;
    desk.reads(&caller, &format!("{there} for the caller"))
        .await;
    // Both the due time and the age are there.
    desk.reads(&format!("{} .when", row(&two)), "open for ")
        .await;
    desk.exists(&format!("{} .when time.age", row(&one))).await;
    assert_eq!(
        desk.step("count", &format!("{} .there", row(&one)), "")
            .await,
        0
    );
    desk.click(&format!("{} a.who", row(&two))).await;
    desk.reads(
        ".facts .alert time.there",
        &format!("{there} for the caller"),
    )
    .await;

    // A zone that there is not is refused, and kept from nothing.
    desk.click("#open-settings").await;
    desk.fill("#settings [name=zone]", "Asia/Nowhere").await;
    desk.exists("#settings [name=zone]:invalid").await;
    desk.reads(&when, &here).await;
    desk.fill("#settings [name=zone]", "America/New_York").await;
    desk.exists("#settings [name=zone]:valid").await;
    desk.reads(&when, &clock("America/New_York")).await;
    // It is kept. The clock of the caller is shown only where it is another.
    desk.fill("#settings [name=zone]", "Asia/Kolkata").await;
    desk.reload().await;
    desk.reads(&when, &there).await;
    assert_eq!(desk.text(&caller).await, "");
    // The other pages have it too.
    desk.goto(&scene.page.url("/my-work")).await;
    desk.reads("[data-zone-name]", "Asia/Kolkata").await;
    desk.is_sound().await;
}
