//! 300 of the largest follow-ups that are allowed, through both servers and clients with gRPC's
//! usual limit of 4 MiB: snapshot, tail, lists, every change of their call, batch, erasing, archive
//! and backup. Before messages and pages were bounded by bytes the alerter never became ready here,
//! `EndCall` was refused for ever, and no list could be read.

mod later;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, CallProperties, CountInstancesRequest, EndCallRequest, FollowUp,
    GetCallRequest, GetServerInfoRequest, InstanceFilter, ListFollowUpsRequest, ListHistoryRequest,
    ListInstancesRequest, Release, SetWorkflowRequest, Status, UpdateCallRequest,
};
use aftercall_tests::{Clients, House, PATIENCE, alerter_has, call_ref, eventually, reason, text};
use later::{backs_up, ends, erases, leaves};
use prost::Message as _;
use workflow_server::limits::{FEED_STREAMS_MAX, FOLLOW_UP_BYTES_MAX, PAGE_BYTES_MAX};

/// Follow-ups with as many fields and alerts as there may be, on each of the calls: as many as may
/// be open there.
pub(crate) const WIDE: usize = 100;

/// The calls.
const CALLS: [&str; 2] = ["full", "second"];

/// Follow-ups whose button has a form of nearly a megabyte.
const FORMS: usize = 100;

/// All of them.
const OPEN: usize = 2 * WIDE + FORMS;

/// Those with a form that end.
pub(crate) const FORMS_ENDED: usize = 10;

/// Notes while the alerter is away; each makes a change of nearly a megabyte.
const NOTES: usize = 80;

/// 64 fields, and an alert.
pub(crate) fn wide(name: &str) -> String {
    let mut file = format!("format: 1\nworkflow: {name}\ntitle: Wide\nfields:\n");
    for field in 0..64 {
        let _ = writeln!(file, "  f{field}: {{ type: text }}");
    }
    file.push_str("on_new_call:\n  - alert: { text: '{{ fields.f0 }}', team: care }\n");
    file.push_str("  - button: Done\n    then: [ finish: done ]\n");
    file
}

/// A form whose fields are limited to long values.
fn with_form() -> String {
    let mut file = "format: 1\nworkflow: form\ntitle: Form\non_new_call:\n  - alert: { text: Ring, team: care }\n  - button: Done\n    form:\n".to_owned();
    for field in 0..60 {
        let value = |nth: usize| format!("'{nth}{}'", "v".repeat(4_000));
        let values = (0..4).map(value).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            file,
            "      g{field}: {{ type: text, values: [ {values} ] }}"
        );
    }
    file.push_str("    then: [ finish: done ]\n");
    file
}

fn set_wide(nth: usize, call: &str) -> SetWorkflowRequest {
    let mut set = set(&format!("wide-{nth}"), call);
    set.fields = (0..64)
        .map(|field| (format!("f{field}"), text(&"x".repeat(4_096))))
        .collect();
    set.release = Release::CallEnded.into();
    set
}

fn set(workflow: &str, call: &str) -> SetWorkflowRequest {
    let caller = aftercall_proto::workflow::v1::Caller {
        reference: format!("C-{call}"),
        ..Default::default()
    };
    SetWorkflowRequest {
        actor: "script-1".to_owned(),
        call: Some(call_ref(call)),
        properties: Some(CallProperties {
            caller: Some(caller),
            chargeable: Some(true),
            ..CallProperties::default()
        }),
        workflow: workflow.to_owned(),
        ..SetWorkflowRequest::default()
    }
}

/// Opens a stream, and reads until it is exact; gives what is open then.
pub(crate) async fn open(clients: &Clients) -> BTreeMap<String, FollowUp> {
    let reading = async {
        let mut stream = eventually("the alerter is ready", || {
            let mut clients = clients.clone();
            async move {
                clients
                    .alerts
                    .subscribe(SubscribeRequest::default())
                    .await
                    .ok()
            }
        })
        .await
        .into_inner();
        let mut open = BTreeMap::new();
        loop {
            let response = stream
                .message()
                .await
                .expect("the stream continues")
                .expect("a frame");
            let follow_up = match response.frame {
                Some(Frame::SnapshotItem(item)) => item.follow_up,
                Some(Frame::StageChange(change)) => change.follow_up,
                Some(Frame::CaughtUp(_)) => return open,
                _ => None,
            };
            open.extend(follow_up.map(|one| (one.instance_id.clone(), one)));
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("in time")
}

fn check_page(what: &str, bytes: usize) {
    assert!(
        bytes <= PAGE_BYTES_MAX + 1_024 || bytes <= FOLLOW_UP_BYTES_MAX,
        "{what}: a page of {bytes} bytes"
    );
}

/// How many rows the lists of what is open and of instances have over all pages; every page is one
/// that any client can read.
pub(crate) async fn listed(clients: &mut Clients, archived: bool) -> (usize, usize) {
    let (mut rows, mut instances, mut page_token) = (0, 0, String::new());
    loop {
        let request = ListFollowUpsRequest {
            page_token,
            page_size: 1_000,
            ..ListFollowUpsRequest::default()
        };
        let page = clients
            .manager
            .list_follow_ups(request)
            .await
            .expect("a page")
            .into_inner();
        check_page("follow-ups", page.encoded_len());
        rows += page.rows.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    loop {
        let filter = Some(InstanceFilter {
            archived,
            ..InstanceFilter::default()
        });
        let request = ListInstancesRequest {
            filter,
            page_token,
            ..ListInstancesRequest::default()
        };
        let page = clients
            .operations
            .list_instances(request)
            .await
            .expect("a page")
            .into_inner();
        check_page("instances", page.encoded_len());
        instances += page.instances.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (rows, instances);
        }
    }
}

async fn filled(house: &House) -> Clients {
    let mut clients = house.clients().await;
    clients.teams(&["care"]).await;
    clients.publish(&with_form()).await;
    for nth in 0..WIDE {
        clients.publish(&wide(&format!("wide-{nth}"))).await;
        for call in CALLS {
            clients
                .scripts
                .set_workflow(set_wide(nth, call))
                .await
                .expect("it is set");
        }
    }
    for nth in 0..FORMS {
        clients
            .scripts
            .set_workflow(set("form", &nth.to_string()))
            .await
            .expect("it is set");
    }
    clients
}

async fn change_call(clients: &mut Clients) -> u64 {
    for call in CALLS {
        let end = EndCallRequest {
            actor: "script-1".to_owned(),
            call: Some(call_ref(call)),
            ..Default::default()
        };
        let ended = clients
            .scripts
            .end_call(end)
            .await
            .expect("the call ends")
            .into_inner();
        assert_eq!(ended.released_instance_ids.len(), WIDE);
    }
    let properties = CallProperties {
        agent: "Dana".to_owned(),
        ..CallProperties::default()
    };
    let mut update = UpdateCallRequest {
        call: Some(call_ref("full")),
        ..UpdateCallRequest::default()
    };
    (update.actor, update.properties) = ("script-1".to_owned(), Some(properties));
    update.update_mask = Some(prost_types::FieldMask {
        paths: vec!["agent".to_owned()],
    });
    clients
        .scripts
        .update_call(update)
        .await
        .expect("it is updated");
    let mut again = set_wide(3, "full");
    again.fields.insert("f1".to_owned(), text("changed"));
    again.properties.as_mut().expect("them").script = "another".to_owned();
    let again = clients
        .scripts
        .set_workflow(again)
        .await
        .expect("it is set again")
        .into_inner();
    assert!(!again.started);
    again.sequence
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_follow_ups_fit_every_message() {
    let mut house = House::start().await;
    let mut clients = filled(&house).await;
    assert_eq!(open(&clients).await.len(), FORMS);
    let sequence = change_call(&mut clients).await;
    let released = eventually("all are released", || {
        let mut clients = clients.clone();
        async move {
            let filter = InstanceFilter {
                statuses: vec![Status::Active.into()],
                ..InstanceFilter::default()
            };
            let count = CountInstancesRequest {
                filter: Some(filter),
                ..CountInstancesRequest::default()
            };
            let active = clients
                .operations
                .count_instances(count)
                .await
                .ok()?
                .into_inner()
                .total;
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .ok()?
                .into_inner();
            (active as usize == OPEN).then_some(info.sequence)
        }
    })
    .await;
    alerter_has(&clients, sequence.max(released)).await;
    let shown = open(&clients).await;
    assert_eq!(shown.len(), OPEN);
    let noted = shown
        .into_values()
        .find(|one| one.workflow == "form")
        .expect("it");
    house.stop_alerter().await;
    for _ in 0..NOTES {
        let mut note = AddNoteRequest {
            instance_id: noted.instance_id.clone(),
            ..AddNoteRequest::default()
        };
        (note.actor, note.text) = ("Ann".to_owned(), "rang".to_owned());
        clients.manager.add_note(note).await.expect("a note");
    }
    house.start_alerter().await;
    let now = open(&clients).await;
    assert_eq!(
        (now.len(), now[&noted.instance_id].note_count as usize),
        (OPEN, NOTES)
    );
    let largest = now.values().map(FollowUp::encoded_len).max();
    assert!(
        largest.is_some_and(|bytes| bytes > 900_000 && bytes <= FOLLOW_UP_BYTES_MAX),
        "{largest:?}"
    );

    assert_eq!(listed(&mut clients, false).await, (OPEN, OPEN));
    let got = clients
        .scripts
        .get_call(GetCallRequest {
            call: Some(call_ref("full")),
            read_mask: None,
        })
        .await
        .expect("it")
        .into_inner();
    check_page(
        "the follow-ups of a call",
        got.follow_ups.iter().map(FollowUp::encoded_len).sum(),
    );
    assert!(got.more_follow_ups && !got.follow_ups.is_empty());
    let of_call = ListHistoryRequest {
        call: Some(call_ref("full")),
        ..ListHistoryRequest::default()
    };
    let history = clients
        .operations
        .list_history(of_call)
        .await
        .expect("a page")
        .into_inner();
    check_page("history", history.encoded_len());
    assert!(!history.next_page_token.is_empty());

    erases(&mut clients, "C-full").await;
    ends(&mut clients).await;
    house.archive_at_once();
    house.stop_workflow().await;
    house.start_workflow().await;
    assert_eq!(listed(&mut clients, false).await.0, FORMS - FORMS_ENDED);
    leaves(&mut clients).await;
    backs_up(&house, &mut clients).await;
}

/// Before, 64 streams that anybody opened kept every alerter out until they went.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_feed_still_admits_an_alerter() {
    let mut house = House::start_without_alerter().await;
    let mut hoarded = Vec::new();
    for _ in 0..FEED_STREAMS_MAX + 6 {
        let mut clients = house.clients().await;
        let request = TailRequest {
            from_sequence: 1,
            epoch: String::new(),
        };
        hoarded.push(clients.feed.tail(request).await.expect("a stream"));
    }
    let closed = hoarded[0].get_mut();
    let closed = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Err(closed) = closed.message().await {
                return closed;
            }
        }
    });
    assert_eq!(reason(&closed.await.expect("in time")), "FEED_STREAMS");
    house.start_alerter().await;
    assert!(open(&house.clients().await).await.is_empty());
}
