//! The page of a caller: the address that a telephone system opens when somebody rings.

use aftercall_proto::workflow::v1::{Caller, SetWorkflowRequest};
use aftercall_tests::{House, push, set_refund, with_refund};

use crate::desk::{Desk, Page};

fn from_caller(call: &str, phone: &str, reference: &str) -> SetWorkflowRequest {
    let mut request = set_refund(call, 72.5);
    let properties = request.properties.as_mut().expect("properties");
    properties.caller = Some(Caller {
        name: "Ada <i>Lovelace</i>".to_owned(),
        phone: phone.to_owned(),
        reference: reference.to_owned(),
        ..Caller::default()
    });
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ringing_telephone_opens_the_work_of_its_caller() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for (call, phone, reference) in [
        ("1", "+44 20 7946 0001", ""),
        ("2", "+44 20 7946 0002", "C-7"),
        ("3", "0044 20 7946 0002", "C-7"),
    ] {
        let request = from_caller(call, phone, reference);
        let set = clients.scripts.set_workflow(request).await.expect("set");
        let one = set.into_inner().follow_up.expect("a follow-up");
        ids.push(one);
    }
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;

    // The only one is opened, however the number is written, and can be pushed.
    for phone in ["+442079460001", "00442079460001", "tel:+44-20-7946-0001"] {
        desk.goto(&page.url(&format!("/caller?phone={phone}")))
            .await;
        let address = desk.step("address", "", "").await;
        assert_eq!(address, page.url(&format!("/f/{}", ids[0].instance_id)));
    }
    desk.click("form[data-form=push-approve] button.main").await;
    desk.reads("#panel-title", "2 of ").await;

    // Of several there is a list, by number and by reference.
    let rejected = aftercall_proto::workflow::v1::PushButtonRequest {
        note: "No receipt".to_owned(),
        ..push(&ids[2], "reject", "Ben")
    };
    for query in ["phone=%2B442079460002", "reference=C-7"] {
        desk.goto(&page.url(&format!("/caller?{query}"))).await;
        desk.reads("h1", "Ada <i>Lovelace</i>").await;
        for one in &ids[1..] {
            desk.sees(&format!(".work a[href='/f/{}']", one.instance_id))
                .await;
        }
    }
    // What has ended is past work, and opens its history.
    clients.manager.push_button(rejected).await.expect("pushed");
    desk.goto(&page.url("/caller?list=1&reference=C-7")).await;
    desk.reads(".work .ended", "finished").await;
    desk.click(".work li:has(.ended) a").await;
    desk.reads(".history blockquote", "No receipt").await;
    desk.reads(".history .did", "rejected").await;

    desk.goto(&page.url("/caller?phone=%2B442079460009")).await;
    desk.reads("[role=status]", "No work is known").await;
    desk.is_sound().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_finds_a_number_in_any_spelling() {
    let mut house = House::start_without_alerter().await;
    house.stop_workflow().await;
    house.set_country("GB");
    house.start_workflow().await;
    house.start_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for (call, phone) in [("1", "020 7946 0001"), ("2", "+44 20 7946 0002")] {
        let request = from_caller(call, phone, "");
        let set = clients.scripts.set_workflow(request).await.expect("set");
        let one = set.into_inner().follow_up.expect("a follow-up");
        ids.push(one.instance_id);
    }
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    for (last, id) in ["1", "2"].iter().zip(&ids) {
        for number in [
            "+44 (0)20 7946 000",
            "+44.20.7946.000",
            "tel:+44-20-7946-000",
            "+4420794 6000",
            "0044 20 7946 000",
            "020 7946 000",
            "0207946000",
        ] {
            let typed = format!("{number}{last}");
            desk.fill("#filter [name=q]", &typed).await;
            assert_eq!(desk.rows().await, [id.as_str()], "{typed}");
        }
        // The server finds it too.
        let address = format!("/?q=tel%3A%2B44-20-7946-000{last}");
        desk.step("plain", "", &page.url(&address)).await;
        assert_eq!(desk.rows().await, [id.as_str()], "{address}");
        desk.step("language", "", "en-GB").await;
        desk.goto(&page.url("/")).await;
        desk.sees(".line.live").await;
    }
    desk.is_sound().await;
    page.stop().await;
}
