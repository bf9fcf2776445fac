//! Handing over: what a person holds is given to another person or to a team.

use std::collections::BTreeSet;

use aftercall_proto::workflow::v1::{
    CallProperties, HandOverRequest, PauseFollowUpRequest, SnoozeAlertRequest, UpdateCallRequest,
    snooze_alert_request,
};
use aftercall_tests::{Clients, House, call_ref, set, with_refund};
use tonic_types::StatusExt as _;

use crate::claims::{claim, held_by, holder, rows};

async fn check_invalid_handover(clients: &mut Clients) {
    let faulty = HandOverRequest {
        instance_ids: vec!["x".to_owned()],
        all_of: "Ann".to_owned(),
        to_person: "Ben".to_owned(),
        to_team: "payments".to_owned(),
        ..HandOverRequest::default()
    };
    let refused = clients
        .manager
        .hand_over(faulty)
        .await
        .expect_err("invalid");
    let details = refused.get_details_bad_request().expect("the fields");
    let fields: BTreeSet<&str> = details
        .field_violations
        .iter()
        .map(|one| one.field.as_str())
        .collect();
    assert_eq!(
        fields,
        BTreeSet::from(["actor", "all_of", "instance_ids[0]", "to_team"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shifts_work_is_handed_over() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in 0..5 {
        ids.push(set(&mut clients, &call.to_string(), 5.0).await.instance_id);
    }
    for id in &ids[..3] {
        clients
            .manager
            .claim_follow_up(claim(id, "Ann", 600))
            .await
            .expect("held");
    }
    let all_of_ann = HandOverRequest {
        actor: "Ann".to_owned(),
        all_of: "Ann".to_owned(),
        to_person: "Ben".to_owned(),
        ..HandOverRequest::default()
    };
    let given = clients
        .manager
        .hand_over(all_of_ann)
        .await
        .expect("answered")
        .into_inner();
    let given_ids: Vec<&String> = given.results.iter().map(|one| &one.instance_id).collect();
    assert_eq!(
        (given_ids, given.remaining),
        (ids[..3].iter().collect(), 0),
        "most urgent first"
    );
    assert!(given.results.iter().all(|one| {
        one.follow_up
            .as_ref()
            .is_some_and(|one| holder(one) == "Ben")
    }));
    assert_eq!(
        rows(&mut clients, held_by("Ann")).await,
        Vec::<String>::new()
    );

    let none = "ffffff-0-0000".to_owned();
    let named = HandOverRequest {
        actor: "Ann".to_owned(),
        request_id: "end of shift".to_owned(),
        instance_ids: vec![ids[3].clone(), ids[0].clone(), none, ids[3].clone()],
        to_team: "payments".to_owned(),
        ..HandOverRequest::default()
    };
    let first = clients
        .manager
        .hand_over(named.clone())
        .await
        .expect("answered")
        .into_inner();
    let reasons: Vec<&str> = first
        .results
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        ["", "CLAIMED_BY_ANOTHER", "NO_SUCH_INSTANCE"],
        "each once"
    );
    let to_team = first.results[0].follow_up.as_ref().expect("it was given");
    assert_eq!(to_team.alerts[0].team, "payments");
    let again = clients
        .manager
        .hand_over(named.clone())
        .await
        .expect("answered")
        .into_inner();
    assert_eq!(
        (&again.results, again.sequence),
        (&first.results, first.sequence)
    );
    let with_reason = HandOverRequest {
        request_id: String::new(),
        reason: "Ben is ill".to_owned(),
        ..named
    };
    let third = clients
        .manager
        .hand_over(with_reason)
        .await
        .expect("answered")
        .into_inner();
    assert_eq!(third.results[1].reason, "", "with a reason it is given");

    check_invalid_handover(&mut clients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_claims_of_a_person_are_handed_over() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in ["listed", "snoozed", "hidden", "paused"] {
        let id = set(&mut clients, call, 5.0).await.instance_id;
        clients
            .manager
            .claim_follow_up(claim(&id, "Ann", 3_600))
            .await
            .expect("held");
        ids.push(id);
    }
    let snooze = SnoozeAlertRequest {
        actor: "Ann".to_owned(),
        instance_id: ids[1].clone(),
        alert_id: "1.1.1".to_owned(),
        when: Some(snooze_alert_request::When::Days(1)),
        ..SnoozeAlertRequest::default()
    };
    clients.manager.snooze_alert(snooze).await.expect("snoozed");
    let hidden = CallProperties {
        chargeable: Some(false),
        ..CallProperties::default()
    };
    let (call, properties) = (Some(call_ref("hidden")), Some(hidden));
    clients
        .scripts
        .update_call(UpdateCallRequest {
            call,
            properties,
            ..Default::default()
        })
        .await
        .expect("hidden");
    let (actor, instance_id, reason) = ("Ann".to_owned(), ids[3].clone(), "holiday".to_owned());
    let pause = PauseFollowUpRequest {
        actor,
        instance_id,
        reason,
        ..PauseFollowUpRequest::default()
    };
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    let all_to = |actor: &str, from: &str, to: &str| HandOverRequest {
        actor: actor.to_owned(),
        all_of: from.to_owned(),
        to_person: to.to_owned(),
        ..HandOverRequest::default()
    };
    let refused = clients
        .manager
        .hand_over(all_to("Ben", "Ann", "Ben"))
        .await
        .expect("answered")
        .into_inner();
    assert_eq!(
        (refused.results.len(), refused.remaining),
        (4, 4),
        "what Ann holds is given with a reason only"
    );
    let given = clients
        .manager
        .hand_over(all_to("Ann", "Ann", "Ben"))
        .await
        .expect("answered")
        .into_inner();
    assert_eq!(given.remaining, 0);
    for one in &given.results {
        assert_eq!(one.reason, "", "{}", one.instance_id);
        let is_hidden = one.instance_id == ids[2];
        assert_eq!(
            one.follow_up.is_none(),
            is_hidden,
            "the Call Manager shows nothing of what is hidden"
        );
        assert!(one.follow_up.iter().all(|one| holder(one) == "Ben"));
    }
    let given_ids: BTreeSet<&String> = given.results.iter().map(|one| &one.instance_id).collect();
    assert_eq!(given_ids, ids.iter().collect());
    let none = clients
        .manager
        .hand_over(all_to("Ann", "Ann", "Ben"))
        .await
        .expect("answered")
        .into_inner();
    assert!(none.results.is_empty(), "Ann holds nothing any more");
}
