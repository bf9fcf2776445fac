//! Who is away, and who gets new work instead; all that a person holds, in one request; and what a
//! person did.

use aftercall_proto::workflow::v1::{
    AddNoteRequest, Away, ChangeKind, ClaimFollowUpRequest, EndAwayRequest, GetDayRequest,
    HandOverRequest, HandOverResult, ListAwayRequest, ListHistoryRequest, SetAwayRequest,
};
use aftercall_tests::{Clients, House, set, with_refund};
use prost_types::Timestamp;
use tonic::Code;

/// So many seconds from the server's clock.
fn later(seconds: i64) -> Option<Timestamp> {
    let now = jiff::Timestamp::now().as_second();
    Some(Timestamp {
        seconds: now + seconds,
        nanos: 0,
    })
}

async fn away(clients: &mut Clients, person: &str, instead: &str) {
    let request = SetAwayRequest {
        actor: "Sue".to_owned(),
        person: person.to_owned(),
        until: later(3_600),
        instead: instead.to_owned(),
        ..SetAwayRequest::default()
    };
    clients.staff.set_away(request).await.expect("set");
}

async fn list(clients: &mut Clients) -> Vec<Away> {
    let answer = clients.staff.list_away(ListAwayRequest {}).await;
    answer.expect("a list").into_inner().away
}

/// Hands a follow-up to a person.
async fn hand(clients: &mut Clients, id: &str, person: &str) -> HandOverResult {
    let request = HandOverRequest {
        actor: "Sue".to_owned(),
        instance_ids: vec![id.to_owned()],
        to_person: person.to_owned(),
        reason: "her turn".to_owned(),
        ..HandOverRequest::default()
    };
    let answer = clients.manager.hand_over(request).await;
    let mut results = answer.expect("answered").into_inner().results;
    results.remove(0)
}

fn holder(result: &HandOverResult) -> &str {
    let claim = result.follow_up.as_ref().and_then(|one| one.claim.as_ref());
    claim.map_or("", |claim| &claim.holder)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_for_the_absent_goes_to_another() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    assert_eq!(holder(&hand(&mut clients, &id, "Ann").await), "Ann");
    away(&mut clients, "Ann", "Ben").await;
    away(&mut clients, "Ben", "Cid").await;
    let given = hand(&mut clients, &id, "Ann").await;
    assert_eq!((holder(&given), &*given.instead), ("Cid", "Cid"));
    assert_eq!(given.away_until, None);
    // In a circle nobody is there: the person who is named gets it, and the answer shows it.
    away(&mut clients, "Cid", "Ann").await;
    let given = hand(&mut clients, &id, "Ben").await;
    assert_eq!((holder(&given), &*given.instead), ("Ben", ""));
    assert!(given.away_until.is_some(), "Ben is away");
    let listed = list(&mut clients).await;
    let shown = listed
        .iter()
        .map(|one| (&*one.person, &*one.instead, &*one.recipient));
    let expected = [
        ("Ann", "Ben", "Ann"),
        ("Ben", "Cid", "Ben"),
        ("Cid", "Ann", "Cid"),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    assert_eq!(list(&mut clients).await, listed, "after a restart");
    for person in ["Ben", "Cid"] {
        let request = EndAwayRequest {
            actor: "Sue".to_owned(),
            person: person.to_owned(),
            ..EndAwayRequest::default()
        };
        clients.staff.end_away(request).await.expect("ended");
    }
    let given = hand(&mut clients, &id, "Ann").await;
    assert_eq!((holder(&given), &*given.instead), ("Ben", "Ben"));
    let request = ListHistoryRequest {
        instance_id: id,
        ..ListHistoryRequest::default()
    };
    let history = clients.operations.list_history(request).await;
    let items = history.expect("history").into_inner().items;
    let cause = items.last().and_then(|item| item.cause.as_ref());
    let values = format!("{:?}", cause.expect("why").values);
    assert!(
        values.contains("instead_of") && values.contains("Ann"),
        "{values}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_absence_is_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for (until, instead) in [
        (None, ""),
        (later(-5), ""),
        (later(400 * 86_400), ""),
        (later(60), "Ann"),
    ] {
        let request = SetAwayRequest {
            actor: "Ann".to_owned(),
            until,
            instead: instead.to_owned(),
            ..SetAwayRequest::default()
        };
        let refused = clients.staff.set_away(request).await;
        assert_eq!(refused.expect_err("invalid").code(), Code::InvalidArgument);
    }
    assert!(list(&mut clients).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_person_goes_back_to_the_team() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in ["1", "2"] {
        let claim = ClaimFollowUpRequest {
            actor: "Ann".to_owned(),
            instance_id: set(&mut clients, call, 5.0).await.instance_id,
            ..ClaimFollowUpRequest::default()
        };
        clients.manager.claim_follow_up(claim).await.expect("hers");
    }
    let all = |actor: &str, dry_run: bool| HandOverRequest {
        actor: actor.to_owned(),
        all_of: "Ann".to_owned(),
        release: true,
        dry_run,
        ..HandOverRequest::default()
    };
    let tried = clients.manager.hand_over(all("Ann", true)).await;
    let tried = tried.expect("tried").into_inner();
    assert_eq!((tried.results.len(), tried.remaining), (2, 0));
    assert!(tried.results.iter().all(|one| holder(one).is_empty()));
    // Another person needs a reason, and nothing has changed so far.
    let refused = clients.manager.hand_over(all("Sue", true)).await;
    let refused = refused.expect("tried").into_inner();
    let reasons: Vec<&str> = refused.results.iter().map(|one| &*one.reason).collect();
    assert_eq!(reasons, ["CLAIMED_BY_ANOTHER"; 2]);
    let given = clients.manager.hand_over(all("Ann", false)).await;
    let given = given.expect("given").into_inner();
    assert_eq!((given.results.len(), given.remaining), (2, 0));
    let rest = clients.manager.hand_over(all("Ann", true)).await;
    assert!(rest.expect("tried").into_inner().results.is_empty());
    let both = HandOverRequest {
        to_person: "Ben".to_owned(),
        ..all("Ann", false)
    };
    let refused = clients.manager.hand_over(both).await;
    assert_eq!(refused.expect_err("to whom?").code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_what_a_person_did() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 5.0).await.instance_id;
    let second = set(&mut clients, "2", 5.0).await.instance_id;
    let claim = |actor: &str, id: &str| ClaimFollowUpRequest {
        actor: actor.to_owned(),
        instance_id: id.to_owned(),
        ..ClaimFollowUpRequest::default()
    };
    for (actor, id) in [("Ann", &first), ("Ben", &second)] {
        let claimed = clients.manager.claim_follow_up(claim(actor, id)).await;
        claimed.expect("claimed");
    }
    let note = AddNoteRequest {
        actor: "Ann".to_owned(),
        instance_id: second.clone(),
        text: "rang".to_owned(),
        ..AddNoteRequest::default()
    };
    clients.manager.add_note(note).await.expect("noted");
    let day = |person: &str, from: i64, to: i64| GetDayRequest {
        person: person.to_owned(),
        from: later(from),
        to: later(to),
    };
    let answer = clients.staff.get_day(day("Ann", -3_600, 60)).await;
    let answer = answer.expect("her day").into_inner();
    let items: Vec<_> = answer
        .items
        .iter()
        .map(|item| (&*item.instance_id, item.cause.as_ref().expect("why").kind()))
        .collect();
    let expected = [
        (&*second, ChangeKind::NoteAdded),
        (&*first, ChangeKind::Claimed),
    ];
    assert_eq!(items, expected);
    assert_eq!((answer.counts.len(), answer.read_back_to), (2, None));
    for invalid in [
        day("", -60, 60),
        day("Ann", 60, -60),
        day("Ann", 0, 300_000),
    ] {
        let refused = clients.staff.get_day(invalid).await;
        assert_eq!(refused.expect_err("invalid").code(), Code::InvalidArgument);
    }
}
