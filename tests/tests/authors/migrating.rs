//! Instances migrate to another version of their workflow, one by one and as a job that resumes
//! after a crash; each is on one version or on the other.

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    BatchItem, BatchState, BatchWork, ChangeKind, FollowUp, GetBatchRequest, GetInstanceRequest,
    InstanceFilter, ListHistoryRequest, MigrateInstanceRequest, MigrateWork, PauseFollowUpRequest,
    StageMapping, StartBatchRequest, Status,
};
use aftercall_tests::{Clients, House, REFUND, eventually, push, reason, set, with_refund};

/// The refund without its second stage; the first asks for something else.
fn amended() -> String {
    let (before, after) = REFUND
        .split_once("  - button: Reject")
        .expect("the refund has two buttons");
    let (head, _) = before
        .split_once("  - button: Approve")
        .expect("the refund has two buttons");
    format!("{head}  - button: Settled\n    then: [ finish: settled ]\n  - button: Reject{after}")
}

fn one(id: &str, stages: &[(u32, u32)]) -> MigrateInstanceRequest {
    MigrateInstanceRequest {
        actor: "olga".to_owned(),
        instance_id: id.to_owned(),
        to_version: 2,
        stages: stages
            .iter()
            .map(|(from, to)| StageMapping {
                from_stage: *from,
                to_stage: *to,
            })
            .collect(),
        reason: "the new form".to_owned(),
        ..MigrateInstanceRequest::default()
    }
}

fn many(stages: &[(u32, u32)], allow_refused: bool) -> StartBatchRequest {
    let stages = stages
        .iter()
        .map(|(from, to)| StageMapping {
            from_stage: *from,
            to_stage: *to,
        })
        .collect();
    let filter = InstanceFilter {
        workflows: vec!["refund".to_owned()],
        ..InstanceFilter::default()
    };
    StartBatchRequest {
        actor: "olga".to_owned(),
        work: Some(BatchWork {
            kind: Some(Kind::Migrate(MigrateWork {
                to_version: 2,
                stages,
                allow_refused,
            })),
        }),
        filter: Some(filter),
        reason: "the new form".to_owned(),
        per_second: 1_000,
        ..StartBatchRequest::default()
    }
}

async fn get(clients: &mut Clients, id: &str) -> FollowUp {
    let request = GetInstanceRequest {
        instance_id: id.to_owned(),
        read_mask: None,
    };
    clients
        .operations
        .get_instance(request)
        .await
        .expect("it")
        .into_inner()
        .instance
        .expect("it")
}

fn buttons(follow_up: &FollowUp) -> Vec<&str> {
    follow_up
        .buttons
        .iter()
        .map(|button| button.id.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_migrates_in_its_stage_or_a_mapped_one() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 5.0).await;
    let second = set(&mut clients, "2", 5.0).await;
    clients
        .manager
        .push_button(push(&second, "approve", "Ben"))
        .await
        .expect("pushed");
    assert_eq!(clients.publish(&amended()).await, 2);
    let moved = clients
        .operations
        .migrate_instance(one(&first.instance_id, &[]))
        .await
        .expect("migrated")
        .into_inner();
    let now = moved.instance.expect("it");
    assert_eq!(
        (now.version, buttons(&now), moved.entered_stages.len()),
        (2, vec!["settled", "reject"], 0)
    );
    assert_eq!(
        (now.alerts[0].due, now.deadline),
        (first.alerts[0].due, first.deadline),
        "its clocks stay"
    );
    let refused = clients
        .operations
        .migrate_instance(one(&second.instance_id, &[]))
        .await
        .expect_err("where to?");
    assert_eq!(reason(&refused), "STAGE_GONE");
    let moved = clients
        .operations
        .migrate_instance(one(&second.instance_id, &[(2, 1)]))
        .await
        .expect("migrated");
    let moved = moved.into_inner();
    assert_eq!(
        (
            moved.entered_stages[0].number,
            moved.instance.expect("it").visit
        ),
        (1, 2)
    );
    let request = ListHistoryRequest {
        instance_id: second.instance_id,
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(request)
        .await
        .expect("history")
        .into_inner()
        .items;
    let newest = items.last().expect("a line");
    assert_eq!(
        newest.cause.as_ref().expect("why").kind(),
        ChangeKind::Migrated
    );
    assert_eq!((items[0].version, newest.version), (1, 2), "it says which");
    assert_eq!(
        newest.from_stage.as_ref().expect("where from").title,
        "After Approve",
        "a stage that is gone has a name"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_stage_must_wait() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 5.0).await;
    let reject = first
        .buttons
        .iter()
        .find(|button| button.id == "reject")
        .expect("a button")
        .leads_to_stage;
    clients.publish(&amended()).await;
    clients
        .publish("format: 1\nworkflow: refund\ntitle: Refund\non_new_call: [ finish: at-once ]\n")
        .await;
    let to_nothing = MigrateInstanceRequest {
        to_version: 3,
        ..one(&first.instance_id, &[])
    };
    let refused = clients
        .operations
        .migrate_instance(to_nothing)
        .await
        .expect_err("nobody would look for it");
    assert_eq!(reason(&refused), "WOULD_BE_STUCK");
    let id = first.instance_id.clone();
    let pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id,
        reason: "parts".to_owned(),
        ..Default::default()
    };
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    let work = MigrateWork {
        to_version: 3,
        ..MigrateWork::default()
    };
    let batch = StartBatchRequest {
        work: Some(BatchWork {
            kind: Some(Kind::Migrate(work)),
        }),
        ..many(&[], false)
    };
    let refused = clients
        .operations
        .start_batch(batch)
        .await
        .expect_err("what is paused is checked as well");
    assert_eq!(reason(&refused), "MIGRATION_REFUSED");
    assert!(
        refused.message().contains("WOULD_BE_STUCK"),
        "{}",
        refused.message()
    );
    assert_eq!(
        get(&mut clients, &first.instance_id).await.version,
        1,
        "what is refused changes nothing"
    );
    // Its own stage is there; another was asked for all the same.
    let moved = clients
        .operations
        .migrate_instance(one(&first.instance_id, &[(1, reject)]))
        .await
        .expect("migrated");
    let moved = moved.into_inner();
    assert_eq!(
        moved
            .entered_stages
            .iter()
            .map(|stage| stage.number)
            .collect::<Vec<_>>(),
        [reject]
    );
    assert_eq!(moved.instance.expect("it").status(), Status::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_job_checks_all_first() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in 0..40 {
        let follow_up = set(&mut clients, &call.to_string(), 5.0).await;
        if call % 10 == 0 {
            clients
                .manager
                .push_button(push(&follow_up, "approve", "Ben"))
                .await
                .expect("pushed");
        }
        ids.push(follow_up.instance_id);
    }
    clients.publish(&amended()).await;
    let refused = clients
        .operations
        .start_batch(many(&[], false))
        .await
        .expect_err("four are in a stage that is gone");
    assert_eq!(reason(&refused), "MIGRATION_REFUSED");
    assert!(
        refused.message().starts_with("4 of them"),
        "{}",
        refused.message()
    );
    let dry = StartBatchRequest {
        dry_run: true,
        ..many(&[], false)
    };
    let dry = clients
        .operations
        .start_batch(dry)
        .await
        .expect("listed")
        .into_inner();
    assert_eq!(
        dry.items
            .iter()
            .filter(|item| item.reason == "STAGE_GONE")
            .count(),
        4
    );
    let result = |item: &BatchItem| {
        (
            item.would_be(),
            item.would_be_in.as_ref().map_or(0, |stage| stage.number),
        )
    };
    let mut tried: Vec<(Status, u32)> = dry.items.iter().map(result).collect();
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(tried, [(Status::Unspecified, 0), (Status::Active, 1)]);
    for id in &ids {
        assert_eq!(get(&mut clients, id).await.version, 1, "nothing was begun");
    }
    let slowly = StartBatchRequest {
        per_second: 100,
        ..many(&[(2, 1)], false)
    };
    let started = clients
        .operations
        .start_batch(slowly)
        .await
        .expect("started")
        .into_inner()
        .batch
        .expect("it");
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let done = eventually("the job is done", || {
        let mut clients = clients.clone();
        async move {
            let request = GetBatchRequest {
                batch_id: started.id,
            };
            let batch = clients
                .operations
                .get_batch(request)
                .await
                .ok()?
                .into_inner()
                .batch?;
            (batch.state() == BatchState::Done).then_some(batch)
        }
    });
    assert_eq!((done.await.done, started.items), (40, 40));
    for id in &ids {
        let now = get(&mut clients, id).await;
        assert_eq!((now.version, buttons(&now)), (2, vec!["settled", "reject"]));
    }
}
