//! Claims: who holds what survives restarts, is shown to all and expires. Two people never hold the
//! same follow-up.

use std::collections::BTreeSet;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{GetWallboardRequest, SubscribeRequest};
use aftercall_proto::workflow::v1::{
    ChangeKind, ClaimFollowUpRequest, ClaimNextRequest, ExplainInstanceRequest, ExtendClaimRequest,
    FollowUp, FollowUpFilter, ListFollowUpsRequest, ListHistoryRequest, ReleaseClaimRequest,
    TakeOverRequest,
};
use aftercall_tests::{
    Clients, House, PATIENCE, alerter_has, eventually, push, reason, set, with_refund,
};
use tonic_types::StatusExt as _;

pub(crate) fn claim(id: &str, who: &str, seconds: i64) -> ClaimFollowUpRequest {
    ClaimFollowUpRequest {
        actor: who.to_owned(),
        instance_id: id.to_owned(),
        lease: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..ClaimFollowUpRequest::default()
    }
}

pub(crate) fn holder(follow_up: &FollowUp) -> &str {
    follow_up.claim.as_ref().map_or("", |claim| &claim.holder)
}

pub(crate) async fn rows(clients: &mut Clients, filter: FollowUpFilter) -> Vec<String> {
    let request = ListFollowUpsRequest {
        filter: Some(filter),
        ..ListFollowUpsRequest::default()
    };
    let page = clients
        .manager
        .list_follow_ups(request)
        .await
        .expect("a list")
        .into_inner();
    page.rows
        .into_iter()
        .filter_map(|row| row.follow_up)
        .map(|one| one.instance_id)
        .collect()
}

pub(crate) fn held_by(who: &str) -> FollowUpFilter {
    FollowUpFilter {
        holders: vec![who.to_owned()],
        ..FollowUpFilter::default()
    }
}

fn unclaimed() -> FollowUpFilter {
    FollowUpFilter {
        unclaimed: true,
        ..FollowUpFilter::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_survives_a_restart() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 5.0).await;
    let second = set(&mut clients, "2", 5.0).await;
    let id = first.instance_id.clone();
    let held = clients
        .manager
        .claim_follow_up(claim(&id, "Ann", 600))
        .await
        .expect("held")
        .into_inner();
    let held = held.follow_up.expect("it");
    assert_eq!(holder(&held), "Ann");
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let refused = clients
        .manager
        .push_button(push(&first, "approve", "Ben"))
        .await
        .expect_err("Ann holds it");
    let facts = refused
        .get_error_details()
        .error_info()
        .expect("why")
        .metadata
        .clone();
    assert_eq!(
        (reason(&refused).as_str(), facts["held_by"].as_str()),
        ("CLAIMED_BY_ANOTHER", "Ann")
    );
    let refused = clients
        .manager
        .claim_follow_up(claim(&id, "Ben", 600))
        .await
        .expect_err("Ann holds it");
    assert_eq!(reason(&refused), "CLAIMED_BY_ANOTHER");
    assert_eq!(
        rows(&mut clients, held_by("Ann")).await,
        std::slice::from_ref(&id)
    );
    assert_eq!(rows(&mut clients, unclaimed()).await, [second.instance_id]);
    let both = FollowUpFilter {
        unclaimed: true,
        ..held_by("Ann")
    };
    let request = ListFollowUpsRequest {
        filter: Some(both),
        ..ListFollowUpsRequest::default()
    };
    assert_eq!(
        clients
            .manager
            .list_follow_ups(request)
            .await
            .expect_err("both")
            .code(),
        tonic::Code::InvalidArgument
    );
    let explain = ExplainInstanceRequest {
        instance_id: id.clone(),
        read_mask: None,
    };
    let words = clients
        .operations
        .explain_instance(explain)
        .await
        .expect("explained")
        .into_inner()
        .sentences
        .join(" ");
    assert!(words.contains("Ann holds it since"), "{words}");
    clients
        .manager
        .push_button(push(&held, "approve", "Ann"))
        .await
        .expect("it is hers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_released_and_taken_over() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let id = follow_up.instance_id.clone();
    let (instance_id, extend_id) = (id.clone(), id.clone());
    clients
        .manager
        .claim_follow_up(claim(&id, "Ann", 600))
        .await
        .expect("held");
    let mut take = TakeOverRequest {
        actor: "Ben".to_owned(),
        instance_id: instance_id.clone(),
        ..TakeOverRequest::default()
    };
    let refused = clients
        .manager
        .take_over(take.clone())
        .await
        .expect_err("why?");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    take.reason = "Ann is ill".to_owned();
    let taken = clients
        .manager
        .take_over(take)
        .await
        .expect("taken over")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(holder(&taken), "Ben");
    let extend = ExtendClaimRequest {
        actor: "Ann".to_owned(),
        instance_id: extend_id,
        ..ExtendClaimRequest::default()
    };
    let refused = clients
        .manager
        .extend_claim(extend.clone())
        .await
        .expect_err("it is Ben's");
    assert_eq!(reason(&refused), "CLAIMED_BY_ANOTHER");
    let release = ReleaseClaimRequest {
        actor: "Ben".to_owned(),
        instance_id: instance_id.clone(),
        ..Default::default()
    };
    let free = clients
        .manager
        .release_claim(release)
        .await
        .expect("given back")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(holder(&free), "");
    assert_eq!(
        reason(
            &clients
                .manager
                .extend_claim(extend)
                .await
                .expect_err("nobody holds it")
        ),
        "NOT_CLAIMED"
    );
    let request = ListHistoryRequest {
        instance_id,
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(request)
        .await
        .expect("history")
        .into_inner()
        .items;
    let shown: BTreeSet<(i32, String, String)> = items
        .into_iter()
        .map(|item| {
            (
                item.cause.unwrap_or_default(),
                item.actor.unwrap_or_default().name,
            )
        })
        .map(|(cause, who)| (cause.kind, who, cause.note))
        .collect();
    for (kind, who, note) in [
        (ChangeKind::Claimed, "Ann", ""),
        (ChangeKind::TakenOver, "Ben", "Ann is ill"),
        (ChangeKind::ClaimReleased, "Ben", ""),
    ] {
        assert!(
            shown.contains(&(kind.into(), who.to_owned(), note.to_owned())),
            "{kind:?} by {who} in {shown:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_next_gives_each_follow_up_once() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut open = BTreeSet::new();
    for call in 0..150 {
        open.insert(set(&mut clients, &call.to_string(), 5.0).await.instance_id);
    }
    // More than one command has candidates for, so that some must search again.
    let asking: Vec<_> = (0..200)
        .map(|number| {
            let mut clients = clients.clone();
            tokio::spawn(async move {
                let request = ClaimNextRequest {
                    actor: format!("person {number}"),
                    request_id: format!("next {number}"),
                    ..ClaimNextRequest::default()
                };
                let first = clients
                    .manager
                    .claim_next(request.clone())
                    .await
                    .expect("an answer")
                    .into_inner();
                let again = clients
                    .manager
                    .claim_next(request)
                    .await
                    .expect("the same")
                    .into_inner();
                assert_eq!(
                    (&again.follow_up, again.sequence),
                    (&first.follow_up, first.sequence)
                );
                first.follow_up
            })
        })
        .collect();
    let mut given = Vec::new();
    for asked in asking {
        given.extend(asked.await.expect("it was asked"));
    }
    let different: BTreeSet<String> = given.iter().map(|one| one.instance_id.clone()).collect();
    assert_eq!((given.len(), &different), (150, &open), "each of them once");
    let holders: BTreeSet<&str> = given.iter().map(holder).collect();
    assert_eq!(holders.len(), 150);
    check_wallboard(&clients, 150, 0).await;
    let given_back = ReleaseClaimRequest {
        actor: holder(&given[0]).to_owned(),
        instance_id: given[0].instance_id.clone(),
        ..ReleaseClaimRequest::default()
    };
    clients
        .manager
        .release_claim(given_back)
        .await
        .expect("given back");
    assert_eq!(rows(&mut clients, unclaimed()).await.len(), 1);
    check_wallboard(&clients, 150, 1).await;
}

async fn check_wallboard(clients: &Clients, open: u64, unclaimed: u64) {
    eventually("the wallboard says how many nobody holds", || {
        let mut clients = clients.clone();
        async move {
            let board = clients
                .alerts
                .get_wallboard(GetWallboardRequest {})
                .await
                .ok()?
                .into_inner()
                .wallboard?;
            let counts = board
                .total
                .filter(|counts| (counts.open, counts.unclaimed) == (open, unclaimed))?;
            let of_team = board
                .teams
                .iter()
                .find(|row| row.team == "billing")?
                .counts?;
            (of_team.unclaimed == counts.unclaimed).then_some(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_expires_and_streams_show_it() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    alerter_has(&clients, follow_up.sequence).await;
    let mut streams = Vec::new();
    for filter in [FollowUpFilter::default(), held_by("Ann"), unclaimed()] {
        let request = SubscribeRequest {
            filter: Some(filter),
            ..SubscribeRequest::default()
        };
        let stream = eventually("the alerter is ready", || {
            let (mut clients, request) = (clients.clone(), request.clone());
            async move { clients.alerts.subscribe(request).await.ok() }
        });
        streams.push(stream.await.into_inner());
    }
    clients
        .manager
        .claim_follow_up(claim(&follow_up.instance_id, "Ann", 1))
        .await
        .expect("held");
    let expected: [&[&str]; 3] = [
        &["open ", "CLAIMED Ann", "CLAIM_LAPSED "],
        &["CLAIMED Ann", "gone CLAIM_LAPSED"],
        &["open ", "gone CLAIMED", "CLAIM_LAPSED "],
    ];
    for (stream, expected) in streams.iter_mut().zip(expected) {
        for word in expected {
            assert_eq!(next(stream).await, *word, "of {expected:?}");
        }
    }
}

/// The next frame about a follow-up, in words.
async fn next(
    stream: &mut tonic::Streaming<aftercall_proto::alert::v1::SubscribeResponse>,
) -> String {
    let kind = |cause: Option<aftercall_proto::workflow::v1::Cause>| {
        cause
            .unwrap_or_default()
            .kind()
            .as_str_name()
            .trim_start_matches("CHANGE_KIND_")
            .to_owned()
    };
    loop {
        let response = tokio::time::timeout(PATIENCE, stream.message())
            .await
            .expect("in time");
        let response = response.expect("the stream continues").expect("a frame");
        return match response.frame {
            Some(Frame::SnapshotItem(item)) => {
                format!("open {}", holder(&item.follow_up.unwrap_or_default()))
            }
            Some(Frame::StageChange(change)) => {
                format!(
                    "{} {}",
                    kind(change.cause),
                    holder(&change.follow_up.unwrap_or_default())
                )
            }
            Some(Frame::OutOfView(gone)) => format!("gone {}", kind(gone.cause)),
            _ => continue,
        };
    }
}
