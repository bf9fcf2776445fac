//! The archive over real gRPC: what has left memory is shown, listed and counted as if it had not,
//! and nothing moves it.

use aftercall_proto::workflow::v1::report_response::Part;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, CallProperties, Caller, CountInstancesRequest, ExplainInstanceRequest,
    FollowUp, GetCallRequest, GetInstanceRequest, GetServerInfoRequest, GetServerInfoResponse,
    InstanceFilter, ListCallsOfCallerRequest, ListHistoryRequest, ListInstancesRequest,
    ReportRequest, SetWorkflowRequest, StartBatchRequest, Status,
};
use aftercall_tests::{
    Clients, House, call_ref, eventually, push, reason, set_refund, with_refund,
};
use tonic::Code;

fn rings(call: &str) -> SetWorkflowRequest {
    let mut request = set_refund(call, 12.0);
    let caller = Caller {
        name: "Ada".to_owned(),
        reference: "C-7".to_owned(),
        ..Caller::default()
    };
    request.properties = request.properties.map(|known| CallProperties {
        caller: Some(caller),
        ..known
    });
    request.request_id = format!("set {call}");
    request
}

async fn info(clients: &mut Clients) -> GetServerInfoResponse {
    clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner()
}

/// Waits until so many have left memory, and nothing that has ended is left there.
async fn archived(clients: &Clients, count: u64) {
    eventually("they have left memory", || {
        let mut clients = clients.clone();
        async move {
            let info = info(&mut clients).await;
            (info.archived_instances == count && info.ended_instances == 0).then_some(())
        }
    })
    .await;
}

async fn reject(clients: &mut Clients, call: &str) -> FollowUp {
    let set = clients
        .scripts
        .set_workflow(rings(call))
        .await
        .expect("set")
        .into_inner();
    let mut reject = push(&set.follow_up.expect("it"), "reject", "Ann");
    (reject.note, reject.request_id) = ("no receipt".to_owned(), format!("reject {call}"));
    clients
        .manager
        .push_button(reject)
        .await
        .expect("pushed")
        .into_inner()
        .follow_up
        .expect("it")
}

async fn check_shown(clients: &mut Clients, ended: &FollowUp) {
    let instance_id = ended.instance_id.clone();
    let get = GetInstanceRequest {
        instance_id: instance_id.clone(),
        read_mask: None,
    };
    let shown = clients
        .operations
        .get_instance(get)
        .await
        .expect("it is kept")
        .into_inner()
        .instance
        .expect("it");
    assert_eq!(&shown, ended, "as it was when it ended, with its call");
    let explain = ExplainInstanceRequest {
        instance_id: instance_id.clone(),
        read_mask: None,
    };
    let sentences = clients
        .operations
        .explain_instance(explain)
        .await
        .expect("words")
        .into_inner()
        .sentences;
    assert!(
        sentences[0].contains("finished with the outcome \"rejected\""),
        "{sentences:?}"
    );
    assert!(sentences[1].contains("in the archive"), "{sentences:?}");
    let of_instance = ListHistoryRequest {
        instance_id,
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(of_instance)
        .await
        .expect("history")
        .into_inner()
        .items;
    assert_eq!(
        items
            .iter()
            .map(|item| item.cause.clone().expect("why").note)
            .collect::<Vec<_>>(),
        ["", "no receipt"]
    );
    let call = ended.call.clone().expect("one").r#ref;
    let of_call = ListHistoryRequest {
        call: call.clone(),
        ..ListHistoryRequest::default()
    };
    assert_eq!(
        clients
            .operations
            .list_history(of_call)
            .await
            .expect("history")
            .into_inner()
            .items,
        items
    );
    let get = clients
        .scripts
        .get_call(GetCallRequest {
            call,
            read_mask: None,
        })
        .await
        .expect("the call")
        .into_inner();
    assert_eq!(get.follow_ups, std::slice::from_ref(ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_work_has_its_call_and_history() {
    let mut house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let ended = [
        reject(&mut clients, "1").await,
        reject(&mut clients, "2").await,
    ];
    clients.scripts.set_workflow(rings("3")).await.expect("set");
    archived(&clients, 2).await;
    for restarted in [false, true] {
        if restarted {
            house.stop_workflow().await;
            house.start_workflow().await;
            clients = house.clients().await;
        }
        for one in &ended {
            check_shown(&mut clients, one).await;
        }
        let caller = Caller {
            reference: "C-7".to_owned(),
            ..Caller::default()
        };
        let of = ListCallsOfCallerRequest {
            caller: Some(caller),
            ..Default::default()
        };
        let calls = clients
            .manager
            .list_calls_of_caller(of)
            .await
            .expect("calls")
            .into_inner()
            .calls;
        let shown: Vec<_> = calls
            .iter()
            .map(|one| one.call.clone().expect("one").r#ref.expect("named").id)
            .collect();
        assert_eq!(shown, ["3", "2", "1"], "what is in memory comes first");
        assert!(calls.iter().all(|one| one.follow_ups.len() == 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_on_archived_work_are_answered() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let first = clients
        .scripts
        .set_workflow(rings("1"))
        .await
        .expect("set")
        .into_inner();
    let ended = reject(&mut clients, "1").await;
    archived(&clients, 1).await;
    let again = clients
        .scripts
        .set_workflow(rings("1"))
        .await
        .expect("the first answer")
        .into_inner();
    assert_eq!(again, first);
    assert_eq!(
        info(&mut clients).await.open_instances,
        0,
        "asking again starts nothing"
    );
    let id = ended.instance_id.clone();
    let note = AddNoteRequest {
        actor: "Ann".to_owned(),
        instance_id: id,
        text: "late".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        reason(
            &clients
                .manager
                .add_note(note.clone())
                .await
                .expect_err("too late")
        ),
        "INSTANCE_ARCHIVED"
    );
    let mut late = push(&ended, "reject", "Ben");
    late.note = "late".to_owned();
    assert_eq!(
        reason(
            &clients
                .manager
                .push_button(late)
                .await
                .expect_err("too late")
        ),
        "INSTANCE_ARCHIVED"
    );
    let never = AddNoteRequest {
        instance_id: "ff-0-0001".to_owned(),
        ..note
    };
    assert_eq!(
        reason(
            &clients
                .manager
                .add_note(never)
                .await
                .expect_err("never there")
        ),
        "NO_SUCH_INSTANCE"
    );
    let renewed = SetWorkflowRequest {
        request_id: String::new(),
        ..rings("1")
    };
    let renewed = clients
        .scripts
        .set_workflow(renewed)
        .await
        .expect("a new one starts")
        .into_inner();
    assert!(renewed.started);
    assert_ne!(
        renewed.follow_up.expect("it").instance_id,
        ended.instance_id
    );
    let of_call = ListHistoryRequest {
        call: Some(call_ref("1")),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(of_call)
        .await
        .expect("history")
        .into_inner()
        .items;
    assert_eq!(items.len(), 3, "the history of a call continues: {items:?}");
}

async fn list(clients: &mut Clients, filter: InstanceFilter, page_size: u32) -> Vec<FollowUp> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListInstancesRequest {
            filter: Some(filter.clone()),
            page_size,
            page_token,
            read_mask: None,
        };
        let page = clients
            .operations
            .list_instances(request)
            .await
            .expect("a page")
            .into_inner();
        found.extend(page.instances);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_is_listed_in_pages() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let mut ended = Vec::new();
    for call in 0..5 {
        ended.insert(0, reject(&mut clients, &call.to_string()).await);
        archived(&clients, ended.len() as u64).await;
    }
    let archive = || InstanceFilter {
        archived: true,
        ..InstanceFilter::default()
    };
    for page_size in [1, 2, 100] {
        assert_eq!(
            list(&mut clients, archive(), page_size).await,
            ended,
            "newest first, {page_size} a page"
        );
    }
    let of = |customer: &str| InstanceFilter {
        customers: vec![customer.to_owned()],
        ..archive()
    };
    assert_eq!(list(&mut clients, of("Northwind"), 2).await.len(), 5);
    assert_eq!(list(&mut clients, of("Contoso"), 2).await, []);
    let of_status = |status: Status| InstanceFilter {
        statuses: vec![status.into()],
        ..archive()
    };
    assert_eq!(
        list(&mut clients, of_status(Status::Finished), 2)
            .await
            .len(),
        5
    );
    assert_eq!(
        list(&mut clients, of_status(Status::Cancelled), 2).await,
        []
    );
    assert_eq!(
        list(
            &mut clients,
            InstanceFilter {
                workflows: vec!["other".to_owned()],
                ..archive()
            },
            2
        )
        .await,
        []
    );
    let until = InstanceFilter {
        ended_until: ended[1].ended_at,
        ..archive()
    };
    assert_eq!(list(&mut clients, until, 2).await, ended[2..]);
    let filter = InstanceFilter {
        statuses: vec![Status::Finished.into()],
        ..InstanceFilter::default()
    };
    let count = CountInstancesRequest {
        filter: Some(filter),
        ..CountInstancesRequest::default()
    };
    let counted = clients
        .operations
        .count_instances(count)
        .await
        .expect("counted")
        .into_inner();
    assert_eq!((counted.total, counted.archived), (0, 5));
    let open = clients
        .operations
        .count_instances(CountInstancesRequest::default())
        .await
        .expect("counted")
        .into_inner();
    assert_eq!(
        (open.total, open.archived),
        (0, 0),
        "a list of open work does not mention the archive"
    );
    let batch = StartBatchRequest {
        filter: Some(archive()),
        actor: "olga".to_owned(),
        ..StartBatchRequest::default()
    };
    let refused = clients
        .operations
        .start_batch(batch)
        .await
        .expect_err("nothing is done to the archive");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("filter.archived")
            || format!("{refused:?}").contains("filter.archived")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_report_counts_archived_work() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    for call in 0..3 {
        reject(&mut clients, &call.to_string()).await;
    }
    archived(&clients, 3).await;
    for call in 3..8 {
        let mut request = rings(&call.to_string());
        let customer = "Contoso".to_owned();
        request.properties = request
            .properties
            .map(|known| CallProperties { customer, ..known });
        clients.scripts.set_workflow(request).await.expect("set");
    }
    for (customer, set) in [("Northwind", 3), ("Contoso", 5)] {
        let from = Some(prost_types::Timestamp {
            seconds: 0,
            nanos: 0,
        });
        let request = ReportRequest {
            from,
            customers: vec![customer.to_owned()],
            ..ReportRequest::default()
        };
        let mut parts = clients
            .operations
            .report(request)
            .await
            .expect("a report")
            .into_inner();
        let mut counted = None;
        while let Some(response) = parts.message().await.expect("the stream continues") {
            if let Some(Part::Row(row)) = response
                .part
                .filter(|part| matches!(part, Part::Row(row) if row.name == "all"))
            {
                counted = Some(row.set);
            }
        }
        assert_eq!(counted, Some(set), "{customer}");
    }
}
