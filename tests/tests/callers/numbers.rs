//! Telephone numbers and references: a caller is found and erased in any way of writing them.

use aftercall_proto::workflow::v1::{
    AddNoteRequest, CallRef, EraseCallerRequest, GetServerInfoRequest, ListCallsOfCallerRequest,
    ListHistoryRequest,
};
use aftercall_tests::{Clients, House, eventually, push, with_refund};
use tonic::Code;

use crate::{caller, of_caller, open, rings};

/// The ids of the open calls that are found by this number.
async fn found_by(clients: &mut Clients, phone: &str) -> Vec<String> {
    open(clients, of_caller(caller("", phone)))
        .await
        .into_iter()
        .map(|(call, _)| call.id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_found_by_any_form_of_a_number() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for (call, phone) in [
        ("1", "+44 20 7946 0001"),
        ("2", "020 7946 0002"),
        ("3", "٠٢٠٧٩٤٦"),
        ("4", "204"),
    ] {
        clients
            .scripts
            .set_workflow(rings(call, caller("", phone)))
            .await
            .expect("set");
    }
    for written in [
        "442079460001",
        "+44 20 7946 0001 ext. 12",
        "0044 (0)20 7946-0001",
        "sip:+442079460001@gw1.example",
    ] {
        assert_eq!(found_by(&mut clients, written).await, ["1"], "{written}");
    }
    assert_eq!(found_by(&mut clients, "0207946").await, ["3"]);
    assert_eq!(
        found_by(&mut clients, "020 7946 0001").await,
        [""; 0],
        "no country is set"
    );
    for (country, of_national) in [("GB", &["2"][..]), ("DE", &[])] {
        house.stop_workflow().await;
        house.set_country(country);
        house.start_workflow().await;
        let mut clients = house.clients().await;
        let info = clients
            .operations
            .get_server_info(GetServerInfoRequest {})
            .await
            .expect("info")
            .into_inner();
        assert_eq!(info.country, country);
        assert_eq!(
            found_by(&mut clients, "+44 20 7946 0002").await,
            of_national,
            "{country}"
        );
        assert_eq!(
            found_by(&mut clients, "442079460001").await,
            ["1"],
            "{country}"
        );
        assert_eq!(found_by(&mut clients, "204").await, ["4"], "{country}");
    }
    for withheld in ["anonymous", "0000", "sip:anonymous@anonymous.invalid"] {
        let mut clients = house.clients().await;
        clients
            .scripts
            .set_workflow(rings("5", caller("", withheld)))
            .await
            .expect("it is set all the same");
        let refused = clients
            .scripts
            .list_open_follow_ups(of_caller(caller("", withheld)))
            .await
            .expect_err("who?");
        assert_eq!(refused.code(), Code::InvalidArgument, "{withheld}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_calls_are_found_by_any_form_of_a_number() {
    let mut house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let set = clients
        .scripts
        .set_workflow(rings("1", caller("", "020 7946 0001")))
        .await
        .expect("set")
        .into_inner();
    let mut reject = push(&set.follow_up.expect("it"), "reject", "Ann");
    reject.note = "no receipt".to_owned();
    clients.manager.push_button(reject).await.expect("pushed");
    eventually("it has left memory", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .expect("info")
                .into_inner();
            (info.archived_instances == 1).then_some(())
        }
    })
    .await;
    let of = |phone: &str| ListCallsOfCallerRequest {
        caller: Some(caller("", phone)),
        ..Default::default()
    };
    for (country, written, count) in [
        ("", "+442079460001", 0),
        ("", "(020) 79460001", 1),
        ("GB", "+442079460001", 1),
        ("GB", "+44 20 7946 0002", 0),
    ] {
        house.stop_workflow().await;
        house.set_country(country);
        house.start_workflow().await;
        let mut clients = house.clients().await;
        let calls = clients
            .manager
            .list_calls_of_caller(of(written))
            .await
            .expect("calls")
            .into_inner()
            .calls;
        assert_eq!(calls.len(), count, "{written} in {country:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_covers_every_form_of_a_number() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let written = [
        ("1", "+44 20 7946 0001"),
        ("2", "442079460001"),
        ("3", "+44 20 7946 0001 ext. 12"),
        ("4", "+44 20 7946 0002"),
    ];
    for (call, phone) in written {
        clients
            .scripts
            .set_workflow(rings(call, caller("", phone)))
            .await
            .expect("set");
    }
    let mut erase = EraseCallerRequest {
        actor: "ops".to_owned(),
        reason: "asked for it".to_owned(),
        caller: Some(caller("", "tel:+44-20-7946-0001")),
        dry_run: true,
        ..EraseCallerRequest::default()
    };
    let ids = |calls: Vec<CallRef>| calls.into_iter().map(|call| call.id).collect::<Vec<_>>();
    let tried = clients
        .operations
        .erase_caller(erase.clone())
        .await
        .expect("tried")
        .into_inner();
    assert_eq!(ids(tried.erasure.expect("it").calls), ["2", "1"]);
    assert_eq!(
        ids(tried.possible_calls),
        ["3"],
        "another extension may be another person's"
    );
    erase.dry_run = false;
    let erased = clients
        .operations
        .erase_caller(erase)
        .await
        .expect("erased")
        .into_inner();
    assert_eq!(ids(erased.erasure.expect("it").calls), ["2", "1"]);
    assert_eq!(found_by(&mut clients, "+44 20 7946 0001").await, ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pasted_text_is_cleaned() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let pasted = "\u{202d}+44 20\u{a0}7946 0001\u{202c}";
    let mut first = rings("10\u{200b}01\u{feff}", caller("C-\u{ad}7", pasted));
    first.properties.as_mut().expect("them").customer = "Acme\u{a0}Ltd".to_owned();
    let set = clients
        .scripts
        .set_workflow(first)
        .await
        .expect("it is not refused")
        .into_inner();
    let follow_up = set.follow_up.expect("it");
    let call = follow_up.call.clone().expect("one");
    assert_eq!(
        (
            call.r#ref.expect("named").id.as_str(),
            call.customer.as_str()
        ),
        ("1001", "Acme Ltd")
    );
    let known = call.caller.expect("somebody");
    assert_eq!(
        (known.reference.as_str(), known.phone.as_str()),
        ("C-7", "+44 20 7946 0001")
    );
    let again = clients
        .scripts
        .set_workflow(rings("1001", caller("C-7", "")))
        .await
        .expect("set")
        .into_inner();
    assert!(!again.started, "it is the same call");
    assert_eq!(
        open(&mut clients, of_caller(caller("\u{200e}C-7", "")))
            .await
            .len(),
        1
    );
    let note = AddNoteRequest {
        actor: "Ann".to_owned(),
        instance_id: follow_up.instance_id.clone(),
        text: "می\u{200c}خواهم \u{1f469}\u{200d}\u{1f467} \u{202e}100\u{202c}\u{a0}EUR".to_owned(),
        ..AddNoteRequest::default()
    };
    clients.manager.add_note(note).await.expect("noted");
    let history = ListHistoryRequest {
        instance_id: follow_up.instance_id,
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(history)
        .await
        .expect("history")
        .into_inner()
        .items;
    let notes: Vec<String> = items
        .into_iter()
        .filter_map(|item| item.cause)
        .map(|cause| cause.note)
        .collect();
    assert!(
        notes.contains(&"می\u{200c}خواهم \u{1f469}\u{200d}\u{1f467} 100 EUR".to_owned()),
        "{notes:?}"
    );
}
