//! Every list, count and report of a caller with a scope is without what is out of scope.

use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Caller;
use futures::StreamExt as _;
use tonic::Code;

use super::house::{House, asked, call_ref, caller_of_calls, everyone, person};
use crate::service::desk::{self, calls_of_caller, claims};
use crate::service::operations::{self, batches, reports, stuck};
use crate::service::script::open_follow_ups;

/// All lists that show ids, as text.
async fn lists(house: &House, who: &Caller) -> Vec<(&'static str, String)> {
    let shared = &house.shared(who);
    let caller = Some(caller_of_calls());
    let follow_ups =
        desk::list_follow_ups(shared, asked(who, proto::ListFollowUpsRequest::default()));
    let instances =
        operations::list_instances(shared, asked(who, proto::ListInstancesRequest::default()));
    let of_caller = calls_of_caller::list(
        shared,
        asked(
            who,
            proto::ListCallsOfCallerRequest {
                caller: caller.clone(),
                ..Default::default()
            },
        ),
    );
    let open = open_follow_ups::list(
        shared,
        asked(
            who,
            proto::ListOpenFollowUpsRequest {
                caller,
                ..Default::default()
            },
        ),
    );
    let stuck = proto::ListStuckInstancesRequest {
        longer_than: Some(prost_types::Duration {
            seconds: 0,
            nanos: 1,
        }),
        ..Default::default()
    };
    let stuck = stuck::stuck(shared, asked(who, stuck));
    vec![
        (
            "follow-ups",
            format!("{:?}", follow_ups.await.expect("a list")),
        ),
        (
            "instances",
            format!("{:?}", instances.await.expect("a list")),
        ),
        (
            "calls of caller",
            format!("{:?}", of_caller.await.expect("a list")),
        ),
        (
            "open follow-ups",
            format!("{:?}", open.await.expect("a list")),
        ),
        ("stuck", format!("{:?}", stuck.await.expect("a list"))),
    ]
}

#[tokio::test]
async fn no_list_shows_what_is_out_of_scope() {
    let house = House::new().await;
    let outside = [
        house.set("1", "Acme", "repair").await,
        house.set("2", "Northwind", "invoice").await,
    ];
    let inside = house.set("3", "Northwind", "repair").await;
    let ann = person("Ann", &["Northwind"], &["care"]);
    for (name, list) in lists(&house, &ann).await {
        let shown = outside.iter().any(|id| list.contains(id.as_str()));
        assert!(!shown, "{name} shows what is out of scope");
        if name != "stuck" {
            assert!(list.contains(&inside), "{name} shows nothing");
        }
    }
    // The control: without a scope every list shows them.
    for (name, list) in lists(&house, &everyone()).await {
        let shown = outside
            .iter()
            .filter(|id| list.contains(id.as_str()))
            .count();
        assert!(name == "stuck" || shown == 2, "{name} shows {shown}");
    }
    house.stop().await;
}

#[tokio::test]
async fn the_next_is_one_in_scope() {
    let house = House::new().await;
    house.set("1", "Acme", "repair").await;
    let inside = house.set("2", "Northwind", "repair").await;
    let next = |who: &Caller| {
        let request = proto::ClaimNextRequest {
            actor: "Ann".to_owned(),
            ..Default::default()
        };
        asked(who, request)
    };
    let ann = person("Ann", &["Northwind"], &[]);
    // Another's kept search is no way past the scope.
    let cleo = person("Cleo", &["nobody"], &[]);
    let nothing = claims::claim_next(&house.shared(&cleo), next(&cleo)).await;
    assert_eq!(nothing.expect("an answer").follow_up, None);
    let first = claims::claim_next(&house.shared(&ann), next(&ann)).await;
    let first = first
        .expect("an answer")
        .follow_up
        .expect("the one in scope");
    assert_eq!(first.instance_id, inside);
    let second = claims::claim_next(&house.shared(&ann), next(&ann)).await;
    assert_eq!(second.expect("an answer").follow_up, None);
    house.stop().await;
}

#[tokio::test]
async fn reports_count_only_what_is_in_scope() {
    let house = House::new().await;
    house.set("1", "Acme", "repair").await;
    house.set("2", "Northwind", "invoice").await;
    house.set("3", "Northwind", "repair").await;
    for (who, expected) in [
        (everyone(), 3),
        (person("Ann", &["Northwind"], &[]), 2),
        (person("Ann", &["Northwind"], &["care"]), 1),
        (person("Ann", &[], &["billing"]), 1),
    ] {
        let request = proto::ReportRequest {
            from: Some(prost_types::Timestamp::default()),
            ..Default::default()
        };
        let parts = reports::report(&house.shared(&who), asked(&who, request)).await;
        let parts: Vec<_> = parts.expect("a report").collect().await;
        let set = parts
            .into_iter()
            .find_map(|part| match part.expect("a part").part {
                Some(proto::report_response::Part::Row(row)) if row.name == "all" => Some(row.set),
                _ => None,
            });
        assert_eq!(set, Some(expected));
    }
    house.stop().await;
}

#[tokio::test]
async fn a_page_token_is_bound_to_the_scope() {
    let house = House::new().await;
    for call in 0..3 {
        house.set(&format!("{call}"), "Northwind", "repair").await;
    }
    let list = |page_token: String| proto::ListBatchItemsRequest {
        batch_id: 0,
        page_size: 1,
        page_token,
        ..Default::default()
    };
    let starter = everyone();
    let shared = house.shared(&starter);
    let token = |who: &Caller| crate::service::ask::pages::token(&house.shared(who), b"list", &[7]);
    let read = |who: &Caller, token: &str| {
        crate::service::ask::pages::read::<1>(&house.shared(who), b"list", token)
    };
    let (ann, ben) = (
        person("Ann", &["Northwind"], &[]),
        person("Ben", &[], &["Northwind"]),
    );
    assert_eq!(read(&ann, &token(&ann)).expect("her own"), Some([7]));
    for (reader, writer) in [
        (&ann, &ben),
        (&ben, &ann),
        (&ann, &starter),
        (&starter, &ann),
    ] {
        let refused = read(reader, &token(writer)).expect_err("another scope");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let missing = batches::items(&shared, asked(&starter, list(String::new()))).await;
    assert_eq!(
        missing.map(drop).expect_err("no batch").code(),
        Code::NotFound
    );
    house.stop().await;
}

#[tokio::test]
async fn a_batch_is_found_by_its_starter_alone() {
    let house = House::new().await;
    let inside = house.set("1", "Northwind", "repair").await;
    let outside = house.set("2", "Acme", "repair").await;
    let (ann, ben) = (
        person("Ann", &["Northwind"], &[]),
        person("Ben", &["Northwind"], &[]),
    );
    let request = proto::StartBatchRequest {
        actor: "Ann".to_owned(),
        reason: "stock is out".to_owned(),
        filter: Some(proto::InstanceFilter {
            workflows: vec!["repair".to_owned()],
            ..Default::default()
        }),
        work: Some(proto::BatchWork {
            kind: Some(proto::batch_work::Kind::Cancel(proto::CancelWork {})),
        }),
        ..Default::default()
    };
    let started = batches::start(&house.shared(&ann), asked(&ann, request)).await;
    let started = started.expect("it starts").batch.expect("a batch");
    assert_eq!(started.matched, 1);
    let get = |who: &Caller| {
        asked(
            who,
            proto::GetBatchRequest {
                batch_id: started.id,
            },
        )
    };
    for (who, is_found) in [(&ann, true), (&ben, false), (&everyone(), true)] {
        let got = operations::get_batch(&house.shared(who), get(who)).await;
        assert_eq!(got.is_ok(), is_found);
        let list = proto::ListBatchItemsRequest {
            batch_id: started.id,
            ..Default::default()
        };
        let items = batches::items(&house.shared(who), asked(who, list)).await;
        assert_eq!(items.is_ok(), is_found);
        let items = format!("{items:?}");
        assert!(!items.contains(&outside) && items.contains(&inside) == is_found);
        let stop = proto::StopBatchRequest {
            actor: "Ann".to_owned(),
            batch_id: started.id,
            reason: "enough".to_owned(),
            ..Default::default()
        };
        let stopped = batches::stop(&house.shared(who), asked(who, stop)).await;
        assert_eq!(stopped.is_ok(), is_found);
    }
    house.stop().await;
}

#[tokio::test]
async fn the_history_of_a_call_leaves_out_other_scopes() {
    let house = House::new().await;
    let inside = house.set("1", "Northwind", "repair").await;
    let outside = house.set("1", "Northwind", "invoice").await;
    let ann = person("Ann", &[], &["care"]);
    let request = || proto::ListHistoryRequest {
        call: Some(call_ref("1")),
        ..Default::default()
    };
    for (who, is_limited) in [(&ann, true), (&everyone(), false)] {
        let list = operations::list_history(&house.shared(who), asked(who, request())).await;
        let list = format!("{:?}", list.expect("a history"));
        assert!(list.contains(&inside));
        assert_eq!(list.contains(&outside), !is_limited);
    }
    house.stop().await;
}
