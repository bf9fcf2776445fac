//! People of other teams: who holds what, what they did, who is away, and who gets work instead.
//! All of it is within the scope of who asks.

use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Caller;

use super::house::{House, asked, everyone, person};
use crate::service::desk::{claims, hand_over};
use crate::service::operations;
use crate::service::say::Refusal;
use crate::service::staff::{self, day};

const UNTIL: prost_types::Timestamp = prost_types::Timestamp {
    seconds: 1_795_086_400,
    nanos: 0,
};

/// Sets that a person is away; empty for the caller.
async fn set(house: &House, who: &Caller, (name, instead): (&str, &str)) -> Result<(), Refusal> {
    let request = proto::SetAwayRequest {
        actor: who.identity().name.to_string(),
        person: name.to_owned(),
        until: Some(UNTIL),
        instead: instead.to_owned(),
        ..Default::default()
    };
    staff::set_away(&house.shared(who), asked(who, request))
        .await
        .map(drop)
}

async fn end(house: &House, who: &Caller, name: &str) -> Result<(), Refusal> {
    let request = proto::EndAwayRequest {
        actor: who.identity().name.to_string(),
        person: name.to_owned(),
        ..Default::default()
    };
    staff::end_away(&house.shared(who), asked(who, request))
        .await
        .map(drop)
}

/// Who is away, and who gets the work of each.
async fn away(house: &House, who: &Caller) -> Vec<String> {
    let request = asked(who, proto::ListAwayRequest {});
    let listed = staff::list_away(&house.shared(who), request).await;
    let away = listed.expect("a list").away.into_iter();
    away.map(|one| format!("{} to {}", one.person, one.recipient))
        .collect()
}

#[tokio::test]
async fn who_is_away_in_another_scope_is_not_seen() {
    let house = House::new().await;
    let sue = person("Sue", &[], &["care"]);
    let bo = person("Bo", &[], &["billing"]);
    set(&house, &sue, ("Ann", "Cid")).await.expect("set");
    set(&house, &bo, ("Cid", "Dan")).await.expect("set");
    set(&house, &person("Eve", &["Acme"], &["billing"]), ("", ""))
        .await
        .expect("her own");
    // Sue does not see that Cid is away in billing, so Cid gets the work of Ann.
    assert_eq!(away(&house, &sue).await, ["Ann to Cid"]);
    assert_eq!(away(&house, &bo).await, ["Cid to Dan", "Eve to Eve"]);
    let of_northwind = person("Nat", &["Northwind"], &["billing"]);
    assert_eq!(away(&house, &of_northwind).await, ["Cid to Dan"]);
    // Everybody sees that they are away themselves.
    let ann = person("Ann", &[], &["billing"]);
    assert_eq!(
        away(&house, &ann).await,
        ["Ann to Dan", "Cid to Dan", "Eve to Eve"]
    );
    // The control: without a scope all are seen.
    assert_eq!(
        away(&house, &everyone()).await,
        ["Ann to Dan", "Cid to Dan", "Eve to Eve"]
    );
    house.stop().await;
}

#[tokio::test]
async fn an_absence_of_another_scope_is_not_changed() {
    let house = House::new().await;
    let sue = person("Sue", &[], &["care"]);
    let bo = person("Bo", &[], &["billing"]);
    set(&house, &sue, ("Ann", "Cid")).await.expect("set");
    for refused in [
        set(&house, &bo, ("Ann", "Bo")).await,
        end(&house, &bo, "Ann").await,
    ] {
        let refused = refused.expect_err("out of scope");
        assert_eq!(refused.reason().word(), "OUT_OF_SCOPE");
    }
    assert_eq!(away(&house, &sue).await, ["Ann to Cid"]);
    // The controls: the person, and a supervisor of the same team.
    set(&house, &person("Ann", &[], &["billing"]), ("", "Dan"))
        .await
        .expect("her own");
    assert_eq!(away(&house, &bo).await, ["Ann to Dan"]);
    end(&house, &bo, "Ann").await.expect("he sees it now");
    set(&house, &bo, ("Ann", "Bo"))
        .await
        .expect("nothing is there");
    house.stop().await;
}

/// Who gets a follow-up that is handed to Ann.
async fn recipient(house: &House, id: &str) -> String {
    let who = everyone();
    let request = |dry_run| proto::HandOverRequest {
        actor: "Ops".to_owned(),
        instance_ids: vec![id.to_owned()],
        to_person: "Ann".to_owned(),
        reason: "her turn".to_owned(),
        dry_run,
        ..Default::default()
    };
    let mut found = Vec::new();
    for dry_run in [true, false] {
        let shared = house.shared(&who);
        let handed = hand_over::hand_over(&shared, asked(&who, request(dry_run))).await;
        let handed = handed.expect("an answer").results.remove(0);
        assert_eq!(handed.reason, "", "{handed:?}");
        let given = match handed.instead.as_str() {
            "" => "Ann".to_owned(),
            instead => instead.to_owned(),
        };
        let is_away = handed.away_until.is_some();
        found.push((given, is_away));
    }
    assert_eq!(found[0], found[1], "a trial shows what would be");
    found.remove(0).0
}

#[tokio::test]
async fn an_absence_diverts_work_of_its_scope_alone() {
    let house = House::new().await;
    let care = house.set("1", "Northwind", "repair").await;
    let billing = house.set("2", "Northwind", "invoice").await;
    let bo = person("Bo", &[], &["billing"]);
    set(&house, &bo, ("Ann", "Bo")).await.expect("set");
    assert_eq!(recipient(&house, &care).await, "Ann");
    assert_eq!(recipient(&house, &billing).await, "Bo");
    // What Ann sets herself, and what somebody without a scope sets, counts for all of her work.
    for who in [person("Ann", &[], &["billing"]), person("Max", &[], &[])] {
        end(&house, &who, "Ann").await.expect("ended");
        set(&house, &who, ("Ann", "Dan")).await.expect("set");
        for id in [&care, &billing] {
            assert_eq!(recipient(&house, id).await, "Dan");
        }
    }
    house.stop().await;
}

/// Who holds what, as names with counts.
async fn holders(house: &House, who: &Caller) -> Vec<String> {
    let request = proto::CountInstancesRequest {
        group_by: proto::GroupBy::Holder.into(),
        ..Default::default()
    };
    let counted = operations::count_instances(&house.shared(who), asked(who, request)).await;
    let counted = counted.expect("an answer").message().expect("a message");
    let counts = counted.counts.into_iter();
    let mut held: Vec<String> = counts
        .filter(|one| one.group != "nobody")
        .map(|one| format!("{} {}", one.group, one.count))
        .collect();
    held.sort();
    held
}

#[tokio::test]
async fn what_people_of_another_scope_hold_is_not_seen() {
    let house = House::new().await;
    let care = house.set("1", "Northwind", "repair").await;
    let billing = house.set("2", "Northwind", "invoice").await;
    for (name, id) in [("Ann", &care), ("Ben", &billing)] {
        let who = person(name, &[], &[]);
        let request = proto::ClaimFollowUpRequest {
            actor: name.to_owned(),
            instance_id: id.clone(),
            ..Default::default()
        };
        let claimed = claims::claim(&house.shared(&who), asked(&who, request)).await;
        claimed.expect("it is free");
    }
    let sue = person("Sue", &[], &["care"]);
    for (who, expected, items, handed) in [
        (&sue, &["Ann 1"][..], 0, 0),
        (&everyone(), &["Ann 1", "Ben 1"], 1, 1),
    ] {
        assert_eq!(holders(&house, who).await, expected);
        let request = proto::GetDayRequest {
            person: "Ben".to_owned(),
            from: Some(prost_types::Timestamp {
                seconds: UNTIL.seconds - 86_400 - 3_600,
                nanos: 0,
            }),
            to: None,
        };
        let day = day::get(&house.shared(who), asked(who, request)).await;
        let day = day.expect("a day").message().expect("a message").items;
        assert_eq!(day.len(), items);
        let request = proto::HandOverRequest {
            actor: "Ops".to_owned(),
            all_of: "Ben".to_owned(),
            to_person: "Ann".to_owned(),
            reason: "he is ill".to_owned(),
            ..Default::default()
        };
        let given = hand_over::hand_over(&house.shared(who), asked(who, request)).await;
        assert_eq!(given.expect("an answer").results.len(), handed);
    }
    house.stop().await;
}
