//! The caller rings again, over real gRPC: what is open in words, chasing without a duplicate, and
//! all calls of one caller.

use aftercall_proto::workflow::v1::{
    AddNoteRequest, CallProperties, CallRef, Caller, ChaseRequest, EraseCallerRequest,
    GetServerInfoRequest, ListCallsOfCallerRequest, ListHistoryRequest, ListOpenFollowUpsRequest,
    Priority, SetWorkflowRequest, UpdateCallRequest,
};
use aftercall_tests::{
    Clients, House, call_ref, eventually, push, reason, set_refund, with_refund,
};
use tonic::Code;

fn caller(reference: &str, phone: &str) -> Caller {
    Caller {
        name: "Ada".to_owned(),
        reference: reference.to_owned(),
        phone: phone.to_owned(),
        ..Caller::default()
    }
}

fn rings(call: &str, from: Caller) -> SetWorkflowRequest {
    let mut request = set_refund(call, 12.0);
    request.properties = request.properties.map(|known| CallProperties {
        caller: Some(from),
        ..known
    });
    request
}

fn of_caller(caller: Caller) -> ListOpenFollowUpsRequest {
    ListOpenFollowUpsRequest {
        caller: Some(caller),
        ..ListOpenFollowUpsRequest::default()
    }
}

async fn open(clients: &mut Clients, request: ListOpenFollowUpsRequest) -> Vec<(CallRef, String)> {
    let answer = clients
        .scripts
        .list_open_follow_ups(request)
        .await
        .expect("an answer")
        .into_inner();
    let call = |open: &aftercall_proto::workflow::v1::OpenFollowUp| {
        let call = open
            .follow_up
            .clone()
            .expect("it")
            .call
            .expect("one")
            .r#ref
            .expect("named");
        (call, open.words.clone())
    };
    answer.follow_ups.iter().map(call).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_told_what_is_open_for_the_caller_whatever_the_call() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let set = clients
        .scripts
        .set_workflow(rings("1", caller("C-7", "+44 20 7946 0001")))
        .await
        .expect("set")
        .into_inner();
    clients
        .scripts
        .set_workflow(rings("2", caller("", "+44 (0)20 79")))
        .await
        .expect("set");
    clients
        .scripts
        .set_workflow(rings("3", caller("C-7", "")))
        .await
        .expect("set");
    // Also when all of it has been read from the store anew.
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let told = open(&mut clients, of_caller(caller("C-7", ""))).await;
    assert_eq!(
        told.iter()
            .map(|(call, _)| call.id.as_str())
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    let words = &told[1].1;
    assert!(
        words.starts_with("Refund over the limit: asked for on "),
        "{words}"
    );
    assert!(
        words.contains("; it is with Team billing. It should be done by "),
        "{words}"
    );
    let by_phone = open(&mut clients, of_caller(caller("", "+44-20-7946-0001"))).await;
    assert_eq!(by_phone.len(), 1);
    let by_call = ListOpenFollowUpsRequest {
        call: Some(call_ref("1")),
        ..ListOpenFollowUpsRequest::default()
    };
    let answer = clients
        .scripts
        .list_open_follow_ups(by_call)
        .await
        .expect("an answer")
        .into_inner();
    assert_eq!(answer.follow_ups.len(), 1);
    assert_eq!(
        (answer.follow_ups[0].promised_by, answer.more),
        (set.promise_by, false)
    );
    assert!(set.promise_by.is_some());
    let of_another = ListOpenFollowUpsRequest {
        customer: "Contoso".to_owned(),
        ..of_caller(caller("C-7", ""))
    };
    assert_eq!(open(&mut clients, of_another).await, []);
    for nobody in [
        ListOpenFollowUpsRequest::default(),
        of_caller(caller("", "")),
    ] {
        let refused = clients
            .scripts
            .list_open_follow_ups(nobody)
            .await
            .expect_err("who?");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chased_twice_it_is_more_urgent_and_there_is_still_one() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let set = clients
        .scripts
        .set_workflow(rings("1", caller("C-7", "")))
        .await
        .expect("set")
        .into_inner();
    let follow_up = set.follow_up.expect("it");
    assert_eq!(follow_up.priority(), Priority::High);
    let chase = |request_id: &str| ChaseRequest {
        request_id: request_id.to_owned(),
        actor: "script-1".to_owned(),
        instance_id: follow_up.instance_id.clone(),
        note: "asks when the money comes".to_owned(),
    };
    let first = clients
        .scripts
        .chase(chase("a"))
        .await
        .expect("chased")
        .into_inner();
    let again = clients
        .scripts
        .chase(chase("a"))
        .await
        .expect("the same")
        .into_inner();
    assert_eq!(
        (first.sequence, &first.follow_up),
        (again.sequence, &again.follow_up)
    );
    let chased = first.follow_up.expect("it");
    assert_eq!(
        (chased.chase_count, chased.priority(), chased.note_count),
        (1, Priority::Urgent, 1)
    );
    let second = clients
        .scripts
        .chase(chase("b"))
        .await
        .expect("chased")
        .into_inner();
    assert!(
        second
            .words
            .contains("You have asked for it 2 times before."),
        "{}",
        second.words
    );
    assert_eq!(
        open(&mut clients, of_caller(caller("C-7", ""))).await.len(),
        1
    );
    let mut reject = push(&chased, "reject", "Ann");
    reject.note = "no receipt".to_owned();
    clients.manager.push_button(reject).await.expect("pushed");
    assert_eq!(
        reason(
            &clients
                .scripts
                .chase(chase("c"))
                .await
                .expect_err("it has ended")
        ),
        "INSTANCE_ENDED"
    );
    assert_eq!(open(&mut clients, of_caller(caller("C-7", ""))).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_of_a_caller_are_together_by_what_is_known_of_them_now() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in ["1", "2"] {
        clients
            .scripts
            .set_workflow(rings(call, caller("", "+44 20 7946")))
            .await
            .expect("set");
    }
    let mut hidden = rings("3", caller("", "+44 20 7946"));
    hidden.properties = hidden.properties.map(|known| CallProperties {
        chargeable: Some(false),
        ..known
    });
    clients.scripts.set_workflow(hidden).await.expect("set");
    let of = |phone: &str| ListCallsOfCallerRequest {
        caller: Some(caller("", phone)),
        ..Default::default()
    };
    let calls = clients
        .manager
        .list_calls_of_caller(of("+44207946"))
        .await
        .expect("calls")
        .into_inner()
        .calls;
    let shown: Vec<_> = calls
        .iter()
        .map(|one| {
            (
                one.call.clone().expect("one").r#ref.expect("named").id,
                one.follow_ups.len(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [("2".to_owned(), 1), ("1".to_owned(), 1)],
        "one that is not chargeable is not shown"
    );
    let update = UpdateCallRequest {
        actor: "script-1".to_owned(),
        call: Some(call_ref("2")),
        properties: Some(CallProperties {
            caller: Some(caller("", "+49 30 1")),
            ..CallProperties::default()
        }),
        ..UpdateCallRequest::default()
    };
    clients.scripts.update_call(update).await.expect("updated");
    for (phone, expected) in [("+44207946", 1), ("+49301", 1)] {
        let calls = clients
            .manager
            .list_calls_of_caller(of(phone))
            .await
            .expect("calls")
            .into_inner()
            .calls;
        assert_eq!(calls.len(), expected, "{phone}");
    }
}

/// The ids of the open calls that are found by this number.
async fn found_by(clients: &mut Clients, phone: &str) -> Vec<String> {
    open(clients, of_caller(caller("", phone)))
        .await
        .into_iter()
        .map(|(call, _)| call.id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_found_however_the_number_is_written_and_whatever_the_country_was_when_it_came()
{
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
async fn what_has_left_memory_is_found_however_the_number_is_written() {
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
async fn an_erasure_takes_every_form_of_a_number_and_nobody_else() {
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
async fn what_is_pasted_is_cleaned_and_two_ids_that_look_alike_are_one() {
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
