//! The main job, end to end over real gRPC: a call's follow-up runs from Set Workflow to finished, and people see it.

use std::collections::BTreeSet;

use aftercall_proto::alert::v1::{SubscribeRequest, subscribe_response::Frame};
use aftercall_proto::workflow::v1::{
    AddNoteRequest, CancelInstanceRequest, ChangeKind, CountInstancesRequest, EndCallRequest, ExplainInstanceRequest,
    FollowUp, FollowUpFilter, GetCallRequest, GetFollowUpRequest, GetInstanceRequest, GroupBy, IfRunning,
    ListFollowUpsRequest, ListHistoryRequest, PushButtonRequest, Release, Status, UpdateCallRequest,
    WithdrawWorkflowRequest,
};
use aftercall_tests::{Clients, House, REFUND, call_ref, eventually, number, set_refund, text};
use tonic::Code;
use tonic_types::StatusExt as _;

fn push(follow_up: &FollowUp, button: &str, actor: &str) -> PushButtonRequest {
    PushButtonRequest {
        actor: actor.to_owned(),
        instance_id: follow_up.instance_id.clone(),
        button_id: button.to_owned(),
        visit: follow_up.visit,
        ..PushButtonRequest::default()
    }
}

async fn set(clients: &mut Clients, call: &str, amount: f64) -> FollowUp {
    let answer = clients.scripts.set_workflow(set_refund(call, amount)).await.expect("it is set").into_inner();
    assert!(answer.started);
    answer.follow_up.expect("the follow-up is in the answer")
}

async fn with_refund(house: &House) -> Clients {
    let mut clients = house.clients().await;
    clients.teams(&["billing", "payments"]).await;
    assert_eq!(clients.publish(REFUND).await, 1);
    clients
}

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_runs_from_set_workflow_to_finished_and_the_stream_shows_each_step() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut stream = eventually("the alerter is ready", || {
        let mut clients = clients.clone();
        async move { stream_once(&mut clients).await }
    })
    .await;
    let follow_up = set(&mut clients, "1001", 72.5).await;
    assert_eq!(follow_up.alerts[0].text, "Refund 72.5 for Ada");
    assert_eq!(follow_up.buttons.iter().map(|button| button.id.as_str()).collect::<Vec<_>>(), ["approve", "reject"]);
    let approved = clients.manager.push_button(push(&follow_up, "approve", "Ben")).await.expect("pushed").into_inner();
    let in_two = approved.follow_up.expect("the follow-up");
    assert_eq!(in_two.stage.as_ref().map(|stage| (stage.number, stage.title.as_str())), Some((2, "Approve")));
    let mut paid = push(&in_two, "paid", "Cleo");
    paid.form = [("reference".to_owned(), text("TX-9"))].into();
    let finished = clients.manager.push_button(paid).await.expect("pushed").into_inner().follow_up.expect("it");
    assert_eq!((finished.status(), finished.outcome.as_str()), (Status::Finished, "paid"));

    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = stream.message().await.expect("the stream goes on").expect("a frame").frame;
        match frame {
            Some(Frame::StageChange(change)) => {
                let follow_up = change.follow_up.expect("whole");
                assert!(!follow_up.buttons.is_empty(), "the frame carries the buttons");
                seen.push(format!("stage {}", follow_up.stage.expect("a stage").number));
            }
            Some(Frame::OutOfView(gone)) => seen.push(format!("gone: {}", gone.outcome)),
            _ => {}
        }
    }
    assert_eq!(seen, ["stage 1", "stage 2", "gone: paid"]);
}

async fn stream_once(clients: &mut Clients) -> Option<tonic::Streaming<aftercall_proto::alert::v1::SubscribeResponse>> {
    clients.alerts.subscribe(SubscribeRequest::default()).await.ok().map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart_history_and_answers_too() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.request_id = "set-1".to_owned();
    let first = clients.scripts.set_workflow(request.clone()).await.expect("set").into_inner();
    let follow_up = first.follow_up.clone().expect("it");
    clients.manager.push_button(push(&follow_up, "approve", "Ben")).await.expect("pushed");
    // Enough that snapshots are written, history is packed and the journal is trimmed.
    for call in 100..400 {
        set(&mut clients, &call.to_string(), 1.0).await;
    }
    eventually("the journal is trimmed", || {
        let mut clients = clients.clone();
        async move {
            let info = clients.operations.get_server_info(aftercall_proto::workflow::v1::GetServerInfoRequest {}).await;
            (info.expect("info").into_inner().oldest_feed_sequence > 10).then_some(())
        }
    })
    .await;
    let before = instances(&mut clients).await;
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    assert_eq!(instances(&mut clients).await, before);
    let again = clients.scripts.set_workflow(request.clone()).await.expect("the same answer").into_inner();
    assert!(again.started, "the answer is the first one, also after a restart");
    assert_eq!(again.sequence, first.sequence);
    assert_eq!(again.follow_up.expect("it").stage.expect("a stage").number, 2, "the instance is as it is now");
    request.fields = [("amount".to_owned(), number(11.0))].into();
    let reused = clients.scripts.set_workflow(request).await.expect_err("the id was used");
    assert_eq!((reused.code(), reason(&reused).as_str()), (Code::FailedPrecondition, "REQUEST_ID_REUSED"));
    let history = ListHistoryRequest { instance_id: follow_up.instance_id, ..ListHistoryRequest::default() };
    let items = clients.operations.list_history(history).await.expect("history").into_inner().items;
    let kinds: Vec<ChangeKind> = items.iter().map(|item| item.cause.as_ref().expect("a cause").kind()).collect();
    assert_eq!(kinds, [ChangeKind::Set, ChangeKind::ButtonPushed]);
    assert_eq!(items[1].actor.as_ref().expect("who").name, "Ben");
    assert_eq!(items[1].from_stage.as_ref().expect("from").number, 1);
}

async fn instances(clients: &mut Clients) -> Vec<FollowUp> {
    let mut all = Vec::new();
    let mut request = aftercall_proto::workflow::v1::ListInstancesRequest { page_size: 77, ..Default::default() };
    loop {
        let page = clients.operations.list_instances(request.clone()).await.expect("a page").into_inner();
        all.extend(page.instances);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_id_a_hundred_times_at_once_has_one_effect_and_equal_answers() {
    let house = House::start_without_alerter().await;
    let clients = with_refund(&house).await;
    let asking = (0..100).map(|_| {
        let mut clients = clients.clone();
        tokio::spawn(async move {
            let mut request = set_refund("7", 5.0);
            request.request_id = "once".to_owned();
            let answer = clients.scripts.set_workflow(request).await.expect("answered").into_inner();
            (answer.started, answer.sequence, answer.follow_up.expect("it").instance_id)
        })
    });
    let answers: BTreeSet<_> =
        futures::future::join_all(asking).await.into_iter().map(|one| one.expect("no panic")).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.0));
    let counted = clients.clone().operations.count_instances(CountInstancesRequest::default()).await.expect("a count");
    assert_eq!(counted.into_inner().total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_people_who_push_one_button_one_wins_and_the_others_are_told_who() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 10.0).await;
    let pushing = (0..50).map(|person| {
        let (mut clients, request) = (clients.clone(), push(&follow_up, "approve", &format!("person-{person}")));
        tokio::spawn(async move { clients.manager.push_button(request).await })
    });
    let answers: Vec<_> =
        futures::future::join_all(pushing).await.into_iter().map(|one| one.expect("no panic")).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!((refused.code(), reason(refused).as_str()), (Code::FailedPrecondition, "BUTTON_GONE"));
        let details = refused.get_error_details();
        let facts = &details.error_info().expect("facts").metadata;
        assert_eq!((facts["stage"].as_str(), facts["stage_title"].as_str()), ("2", "Approve"));
        assert!(facts["changed_by"].starts_with("person-"), "{facts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_from_an_earlier_round_of_a_loop_does_not_land_in_a_later_one() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first_round = set(&mut clients, "1", 10.0).await;
    let in_two = clients.manager.push_button(push(&first_round, "approve", "Ben")).await.expect("pushed").into_inner();
    let back = push(&in_two.follow_up.expect("it"), "ask-again", "Ben");
    let second_round = clients.manager.push_button(back).await.expect("pushed").into_inner();
    assert_eq!(second_round.entered_stages.iter().map(|stage| stage.number).collect::<Vec<_>>(), [4, 1]);
    assert_eq!(second_round.follow_up.as_ref().expect("it").visit, 2);
    let stale = clients.manager.push_button(push(&first_round, "approve", "Ben")).await.expect_err("a stale click");
    assert_eq!(reason(&stale), "STALE_VISIT");
    let note = AddNoteRequest {
        actor: "Cleo".to_owned(),
        instance_id: first_round.instance_id.clone(),
        text: "rang twice".to_owned(),
        ..AddNoteRequest::default()
    };
    clients.manager.add_note(note).await.expect("noted");
    let now = second_round.follow_up.expect("it");
    clients.manager.push_button(push(&now, "approve", "Ben")).await.expect("a colleague's note refuses no push");
    let shown = clients
        .manager
        .get_follow_up(GetFollowUpRequest { instance_id: now.instance_id })
        .await
        .expect("shown")
        .into_inner();
    assert_eq!(shown.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(), ["rang twice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_says_every_fault_of_note_and_form() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 10.0).await;
    let mut wrong = push(&follow_up, "reject", "Ben");
    wrong.form = [("nonsense".to_owned(), number(1.0))].into();
    let refused = clients.manager.push_button(wrong).await.expect_err("no note, and a form that is not asked for");
    let fields: Vec<String> = refused
        .get_error_details()
        .bad_request()
        .expect("fields")
        .field_violations
        .iter()
        .map(|violation| violation.field.clone())
        .collect();
    assert_eq!((refused.code(), fields), (Code::InvalidArgument, vec!["form.nonsense".to_owned(), "note".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_chargeable_calls_appear_and_marking_changes_it_at_once() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.properties.as_mut().expect("properties").chargeable = None;
    let answer = clients.scripts.set_workflow(request).await.expect("set").into_inner();
    assert!(answer.warnings[0].contains("not marked as chargeable"), "{:?}", answer.warnings);
    let hidden = answer.follow_up.expect("it");
    assert!(!hidden.visible && listed(&mut clients).await.is_empty());
    let refused = clients.manager.push_button(push(&hidden, "approve", "Ben")).await.expect_err("hidden");
    assert_eq!(reason(&refused), "NOT_VISIBLE");
    for chargeable in [true, false, true] {
        let mut update = UpdateCallRequest { call: Some(call_ref(&"1")), ..UpdateCallRequest::default() };
        update.properties.get_or_insert_default().chargeable = Some(chargeable);
        clients.scripts.update_call(update).await.expect("updated");
        assert_eq!(listed(&mut clients).await.len(), usize::from(chargeable));
    }
}

async fn listed(clients: &mut Clients) -> Vec<FollowUp> {
    let page = clients.manager.list_follow_ups(ListFollowUpsRequest::default()).await.expect("a list").into_inner();
    page.rows.into_iter().filter_map(|row| row.follow_up).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn released_at_call_end_it_waits_unseen_and_can_be_taken_back() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.release = Release::CallEnded.into();
    let waiting = clients.scripts.set_workflow(request.clone()).await.expect("set").into_inner().follow_up.expect("it");
    assert_eq!(waiting.status(), Status::WaitingForCallEnd);
    assert!(listed(&mut clients).await.is_empty());
    let take_back = WithdrawWorkflowRequest { instance_id: waiting.instance_id.clone(), ..Default::default() };
    let withdrawn = clients.scripts.withdraw_workflow(take_back).await.expect("withdrawn").into_inner();
    assert_eq!(withdrawn.follow_up.expect("it").status(), Status::Cancelled);
    let second = clients.scripts.set_workflow(request).await.expect("set").into_inner().follow_up.expect("it");
    assert_ne!(second.instance_id, waiting.instance_id);
    let end = EndCallRequest { call: Some(call_ref(&"1")), ..EndCallRequest::default() };
    let ended = clients.scripts.end_call(end.clone()).await.expect("ended").into_inner();
    assert_eq!(ended.released_instance_ids, std::slice::from_ref(&second.instance_id));
    assert_eq!(listed(&mut clients).await.len(), 1);
    let again = clients.scripts.end_call(end).await.expect("saying it again changes nothing").into_inner();
    assert!(again.released_instance_ids.is_empty());
    let call = GetCallRequest { call: Some(call_ref(&"1")) };
    let call = clients.scripts.get_call(call).await.expect("the call").into_inner();
    assert_eq!(call.follow_ups.len(), 2);
    let worked = clients.manager.push_button(push(&call.follow_ups[0], "approve", "Ben")).await;
    assert!(worked.is_ok());
    let too_late = WithdrawWorkflowRequest { instance_id: second.instance_id, ..Default::default() };
    let refused = clients.scripts.withdraw_workflow(too_late).await.expect_err("somebody has worked on it");
    assert_eq!(reason(&refused), "ALREADY_WORKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_again_returns_refuses_or_replaces_as_asked() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 10.0).await;
    let again = clients.scripts.set_workflow(set_refund("1", 12.0)).await.expect("set").into_inner();
    assert_eq!((again.started, again.updated_fields), (false, vec!["amount".to_owned()]));
    assert_eq!(again.follow_up.expect("it").instance_id, first.instance_id);
    let mut refuse = set_refund("1", 12.0);
    refuse.if_running = IfRunning::Refuse.into();
    assert_eq!(reason(&clients.scripts.set_workflow(refuse).await.expect_err("it runs")), "ALREADY_RUNNING");
    let mut replace = set_refund("1", 13.0);
    replace.if_running = IfRunning::Replace.into();
    let replaced = clients.scripts.set_workflow(replace).await.expect("replaced").into_inner();
    assert!(replaced.started);
    let old = GetInstanceRequest { instance_id: first.instance_id };
    let old = clients.operations.get_instance(old).await.expect("the old one").into_inner().instance.expect("it");
    assert_eq!(old.status(), Status::Cancelled);
    let cancel = CancelInstanceRequest {
        actor: "ops".to_owned(),
        instance_id: replaced.follow_up.expect("it").instance_id,
        reason: "a test".to_owned(),
        ..CancelInstanceRequest::default()
    };
    clients.operations.cancel_instance(cancel.clone()).await.expect("cancelled");
    assert_eq!(reason(&clients.operations.cancel_instance(cancel).await.expect_err("it has ended")), "INSTANCE_ENDED");
    set(&mut clients, "1", 14.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_by_urgency_page_by_page_and_filter_by_team() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in 0..25 {
        let follow_up = set(&mut clients, &call.to_string(), 1.0).await;
        if call % 5 == 0 {
            clients.manager.push_button(push(&follow_up, "approve", "Ben")).await.expect("pushed");
        }
    }
    let of_team = |team: &str| FollowUpFilter { teams: vec![team.to_owned()], ..FollowUpFilter::default() };
    for (filter, count) in
        [(FollowUpFilter::default(), 25), (of_team("billing"), 20), (of_team("payments"), 5), (of_team("nobody"), 0)]
    {
        let mut request = ListFollowUpsRequest { filter: Some(filter), page_size: 7, ..Default::default() };
        let mut rows = Vec::new();
        loop {
            let page = clients.manager.list_follow_ups(request.clone()).await.expect("a page").into_inner();
            rows.extend(page.rows);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let ids: BTreeSet<_> = rows.iter().map(|row| row.follow_up.as_ref().expect("it").instance_id.clone()).collect();
        assert_eq!((rows.len(), ids.len()), (count, count));
        let priorities: Vec<i32> = rows.iter().map(|row| -row.alert.as_ref().expect("an alert").priority).collect();
        assert!(priorities.is_sorted(), "{priorities:?}");
        request.page_token = "1.2.3".to_owned();
        let refused = clients.manager.list_follow_ups(request).await.expect_err("not a token");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let count = CountInstancesRequest { group_by: GroupBy::Stage.into(), ..CountInstancesRequest::default() };
    let counted = clients.operations.count_instances(count).await.expect("counted").into_inner();
    let groups: Vec<_> = counted.counts.iter().map(|group| (group.group.as_str(), group.count)).collect();
    assert_eq!(groups, [("refund, stage 1", 20), ("refund, stage 2", 5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ops_are_told_in_words_why_an_instance_waits() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 1.0).await;
    let ask = ExplainInstanceRequest { instance_id: follow_up.instance_id };
    let told = clients.operations.explain_instance(ask).await.expect("explained").into_inner().sentences;
    assert!(told[0].starts_with("It waits in stage 1 \"New call\" (visit 1) since "), "{told:?}");
    assert!(told[0].ends_with("for one of the buttons \"Approve\", \"Reject\" by team billing."), "{told:?}");
    assert!(told[1].starts_with("It is due in 3 h 59 min"), "{told:?}");
}

const TIMED: &str = r"
format: 1
workflow: timed
title: Timed
on_new_call:
  - alert: { text: Wait, team: billing }
  - timer: { after: 1s }
    label: A second later
    then: [ finish: elapsed ]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_once_also_where_it_fell_due_while_the_server_was_down() {
    let mut house = House::start_without_alerter().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing"]).await;
    clients.publish(TIMED).await;
    let mut request = set_refund("1", 1.0);
    request.workflow = "timed".to_owned();
    request.fields.clear();
    let follow_up = clients.scripts.set_workflow(request).await.expect("set").into_inner().follow_up.expect("it");
    assert_eq!(follow_up.timers.len(), 1);
    house.stop_workflow().await;
    house.start_workflow().await;
    let clients = house.clients().await;
    let id = follow_up.instance_id;
    let get = GetInstanceRequest { instance_id: id.clone() };
    let finished = eventually("the timer fires", || {
        let (mut clients, get) = (clients.clone(), get.clone());
        async move {
            let instance = clients.operations.get_instance(get).await.expect("it").into_inner().instance.expect("it");
            (instance.status() == Status::Finished).then_some(instance)
        }
    })
    .await;
    assert_eq!(finished.outcome, "elapsed");
    let history = ListHistoryRequest { instance_id: id, ..ListHistoryRequest::default() };
    let items = clients.clone().operations.list_history(history).await.expect("history").into_inner().items;
    let fired = items.iter().filter(|item| item.cause.as_ref().expect("why").kind() == ChangeKind::TimerElapsed);
    assert_eq!(fired.count(), 1);
}
