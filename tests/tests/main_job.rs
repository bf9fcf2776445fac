//! The main job, end to end over real gRPC: a call's follow-up runs from Set Workflow to finished,
//! and people see it.

use std::collections::BTreeSet;

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, ChangeKind, CountInstancesRequest, FollowUp, GetFollowUpRequest,
    ListHistoryRequest, Status,
};
use aftercall_tests::{
    Clients, House, eventually, number, push, reason, set, set_refund, text, with_refund,
};
use tonic::Code;
use tonic_types::StatusExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_runs_from_start_to_finish() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut stream = eventually("the alerter is ready", || {
        let mut clients = clients.clone();
        async move { stream_once(&mut clients).await }
    })
    .await;
    let follow_up = set(&mut clients, "1001", 72.5).await;
    assert_eq!(follow_up.alerts[0].text, "Refund 72.5 for Ada");
    assert_eq!(
        follow_up
            .buttons
            .iter()
            .map(|button| button.id.as_str())
            .collect::<Vec<_>>(),
        ["approve", "reject"]
    );
    let approved = clients
        .manager
        .push_button(push(&follow_up, "approve", "Ben"))
        .await
        .expect("pushed")
        .into_inner();
    let in_two = approved.follow_up.expect("the follow-up");
    assert_eq!(
        in_two
            .stage
            .as_ref()
            .map(|stage| (stage.number, stage.title.as_str())),
        Some((2, "After Approve"))
    );
    let mut paid = push(&in_two, "paid", "Cleo");
    paid.form = [("reference".to_owned(), text("TX-9"))].into();
    let finished = clients
        .manager
        .push_button(paid)
        .await
        .expect("pushed")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(
        (finished.status(), finished.outcome.as_str()),
        (Status::Finished, "paid")
    );

    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = stream
            .message()
            .await
            .expect("the stream continues")
            .expect("a frame")
            .frame;
        match frame {
            Some(Frame::StageChange(change)) => {
                let follow_up = change.follow_up.expect("whole");
                assert!(
                    !follow_up.buttons.is_empty(),
                    "the frame carries the buttons"
                );
                seen.push(format!(
                    "stage {}",
                    follow_up.stage.expect("a stage").number
                ));
            }
            Some(Frame::OutOfView(gone)) => seen.push(format!("gone: {}", gone.outcome)),
            _ => {}
        }
    }
    assert_eq!(seen, ["stage 1", "stage 2", "gone: paid"]);
}

async fn stream_once(
    clients: &mut Clients,
) -> Option<tonic::Streaming<aftercall_proto::alert::v1::SubscribeResponse>> {
    clients
        .alerts
        .subscribe(SubscribeRequest::default())
        .await
        .ok()
        .map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_history_and_answers() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.request_id = "set-1".to_owned();
    let first = clients
        .scripts
        .set_workflow(request.clone())
        .await
        .expect("set")
        .into_inner();
    let follow_up = first.follow_up.clone().expect("it");
    clients
        .manager
        .push_button(push(&follow_up, "approve", "Ben"))
        .await
        .expect("pushed");
    // Enough that snapshots are written, history is packed and the journal is trimmed.
    for call in 100..400 {
        set(&mut clients, &call.to_string(), 1.0).await;
    }
    eventually("the journal is trimmed", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(aftercall_proto::workflow::v1::GetServerInfoRequest {})
                .await;
            (info.expect("info").into_inner().oldest_feed_sequence > 10).then_some(())
        }
    })
    .await;
    let before = instances(&mut clients).await;
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    assert_eq!(instances(&mut clients).await, before);
    let again = clients
        .scripts
        .set_workflow(request.clone())
        .await
        .expect("the same answer")
        .into_inner();
    assert!(
        again.started,
        "the answer is the first one, also after a restart"
    );
    assert_eq!(again.sequence, first.sequence);
    assert_eq!(
        again.follow_up.expect("it").stage.expect("a stage").number,
        1,
        "as the first answer showed it"
    );
    request.fields = [("amount".to_owned(), number(11.0))].into();
    let reused = clients
        .scripts
        .set_workflow(request)
        .await
        .expect_err("the id was used");
    assert_eq!(
        (reused.code(), reason(&reused).as_str()),
        (Code::FailedPrecondition, "REQUEST_ID_REUSED")
    );
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
    let kinds: Vec<ChangeKind> = items
        .iter()
        .map(|item| item.cause.as_ref().expect("a cause").kind())
        .collect();
    assert_eq!(kinds, [ChangeKind::Set, ChangeKind::ButtonPushed]);
    assert_eq!(items[1].actor.as_ref().expect("who").name, "Ben");
    assert_eq!(items[1].from_stage.as_ref().expect("from").number, 1);
}

async fn instances(clients: &mut Clients) -> Vec<FollowUp> {
    let mut all = Vec::new();
    let mut request = aftercall_proto::workflow::v1::ListInstancesRequest {
        page_size: 77,
        ..Default::default()
    };
    loop {
        let page = clients
            .operations
            .list_instances(request.clone())
            .await
            .expect("a page")
            .into_inner();
        all.extend(page.instances);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_equal_requests_have_one_effect() {
    let house = House::start_without_alerter().await;
    let clients = with_refund(&house).await;
    let asking = (0..100).map(|_| {
        let mut clients = clients.clone();
        tokio::spawn(async move {
            let mut request = set_refund("7", 5.0);
            request.request_id = "once".to_owned();
            let answer = clients
                .scripts
                .set_workflow(request)
                .await
                .expect("answered")
                .into_inner();
            (
                answer.started,
                answer.sequence,
                answer.follow_up.expect("it").instance_id,
            )
        })
    });
    let answers: BTreeSet<_> = futures::future::join_all(asking)
        .await
        .into_iter()
        .map(|one| one.expect("no panic"))
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.0));
    let counted = clients
        .clone()
        .operations
        .count_instances(CountInstancesRequest::default())
        .await
        .expect("a count");
    assert_eq!(counted.into_inner().total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_pushes_wins() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 10.0).await;
    let pushing = (0..50).map(|person| {
        let (mut clients, request) = (
            clients.clone(),
            push(&follow_up, "approve", &format!("person-{person}")),
        );
        tokio::spawn(async move { clients.manager.push_button(request).await })
    });
    let answers: Vec<_> = futures::future::join_all(pushing)
        .await
        .into_iter()
        .map(|one| one.expect("no panic"))
        .collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(
            (refused.code(), reason(refused).as_str()),
            (Code::FailedPrecondition, "BUTTON_GONE")
        );
        let details = refused.get_error_details();
        let facts = &details.error_info().expect("facts").metadata;
        assert_eq!(
            (facts["stage"].as_str(), facts["stage_title"].as_str()),
            ("2", "After Approve")
        );
        assert!(facts["changed_by"].starts_with("person-"), "{facts:?}");
        assert_eq!(
            (
                facts["changed_kind"].as_str(),
                facts["changed_title"].as_str()
            ),
            ("CHANGE_KIND_BUTTON_PUSHED", "Approve")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_on_an_earlier_visit_is_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first_round = set(&mut clients, "1", 10.0).await;
    let in_two = clients
        .manager
        .push_button(push(&first_round, "approve", "Ben"))
        .await
        .expect("pushed")
        .into_inner();
    let back = push(&in_two.follow_up.expect("it"), "ask-again", "Ben");
    let second_round = clients
        .manager
        .push_button(back)
        .await
        .expect("pushed")
        .into_inner();
    assert_eq!(
        second_round
            .entered_stages
            .iter()
            .map(|stage| stage.number)
            .collect::<Vec<_>>(),
        [4, 1]
    );
    assert_eq!(second_round.follow_up.as_ref().expect("it").visit, 2);
    let stale = clients
        .manager
        .push_button(push(&first_round, "approve", "Ben"))
        .await
        .expect_err("a stale click");
    assert_eq!(reason(&stale), "STALE_VISIT");
    let note = AddNoteRequest {
        actor: "Cleo".to_owned(),
        instance_id: first_round.instance_id.clone(),
        text: "rang twice".to_owned(),
        ..AddNoteRequest::default()
    };
    clients.manager.add_note(note).await.expect("noted");
    let now = second_round.follow_up.expect("it");
    clients
        .manager
        .push_button(push(&now, "approve", "Ben"))
        .await
        .expect("a colleague's note refuses no push");
    let shown = clients
        .manager
        .get_follow_up(GetFollowUpRequest {
            instance_id: now.instance_id,
            read_mask: None,
        })
        .await
        .expect("shown")
        .into_inner();
    assert_eq!(
        shown
            .notes
            .iter()
            .map(|note| note.text.as_str())
            .collect::<Vec<_>>(),
        ["rang twice"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reports_all_invalid_fields() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 10.0).await;
    let mut wrong = push(&follow_up, "reject", "Ben");
    wrong.form = [("nonsense".to_owned(), number(1.0))].into();
    let refused = clients
        .manager
        .push_button(wrong)
        .await
        .expect_err("no note, and a form that is not asked for");
    let fields: Vec<String> = refused
        .get_error_details()
        .bad_request()
        .expect("fields")
        .field_violations
        .iter()
        .map(|violation| violation.field.clone())
        .collect();
    assert_eq!(
        (refused.code(), fields),
        (
            Code::InvalidArgument,
            vec!["form.nonsense".to_owned(), "note".to_owned()]
        )
    );
}
