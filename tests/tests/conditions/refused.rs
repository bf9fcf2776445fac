//! Timers and steps of jobs that are refused again and again. No server of this version decides
//! what they are refused for, so an entry is forged: the store then holds what a fault of an older
//! server could have left.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{BatchChange, BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{AddNote, Command};
use aftercall_engine::entry::After;
use aftercall_engine::instance::{Instance, InstanceId, Timer};
use aftercall_engine::world::Keeping;
use aftercall_engine::{Decision, Entry, Request, decide};
use aftercall_proto::workflow::v1::StopBatchRequest;
use aftercall_tests::{push, set, with_refund};
use workflow_server::journal::{Birth, Group, Options, RealDisk, Storage as _, Store};
use workflow_server::ledger::recover;
use workflow_server::records::GroupBytes;

use crate::bench::{ALONE, Bench};

/// Appends the entry that a command makes, changed, to the store of a server that is stopped.
async fn forge(dir: &Path, command: Command, change: impl FnOnce(&mut Entry)) {
    let birth = Birth {
        epoch: String::new(),
        hash_key: [0; 16],
        created_at_millis: 0,
    };
    let options = Options::new(
        birth,
        Arc::new(|why: &str| panic!("the store hangs: {why}")),
    );
    let at = dir.to_owned();
    let opening =
        tokio::task::spawn_blocking(move || Store::open(&at, &options, Arc::new(RealDisk)));
    let store = opening.await.expect("no panic").expect("it opens");
    let recovered = recover(
        store.log().as_ref(),
        store.vault().as_ref(),
        Keeping::default(),
    )
    .await
    .expect("its World");
    let actor = Actor {
        kind: ActorKind::Operations,
        name: "olga".into(),
        subject: None,
    };
    let request = Request {
        actor,
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command,
    };
    let now = recovered.world.root().at;
    let Ok(Decision::Commit(mut entry)) = decide(&recovered.world, &request, now) else {
        panic!("it is decided")
    };
    change(&mut entry);
    let (before, sequence) = (recovered.newest, entry.sequence);
    let mut bytes = GroupBytes::new(before.chain);
    let chain = bytes.push(&entry);
    let bytes = bytes.into_bytes().into();
    let group = Group {
        first: sequence,
        last: sequence,
        chain_before: before.chain,
        chain,
        bytes,
    };
    store.leading().log().append(group).await.expect("appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_cannot_fire_is_a_warning() {
    let _alone = ALONE.lock().await;
    let mut bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let instance: InstanceId = follow_up.instance_id.parse().expect("an id");
    bench.is_well(&clients, None).await;
    bench.house.stop_workflow().await;
    let note = Command::from(AddNote {
        instance,
        text: "forged".into(),
    });
    forge(bench.house.data_dir(), note, |entry| {
        let After::Whole(instance) = &entry.instances[0].after else {
            panic!("it is whole")
        };
        // The stage has no action of this number.
        let timer = Timer {
            action: 99,
            due: entry.at,
            waits_for_claim: false,
            waited: None,
        };
        let forged = Instance {
            timers: [timer].into(),
            ..Instance::clone(instance)
        };
        entry.instances[0].after = After::Whole(Arc::new(forged));
    })
    .await;
    bench.house.start_workflow().await;
    let mut clients = bench.house.clients().await;
    let sentence = bench.shows(&clients, "timers").await;
    assert!(
        sentence.contains("1 timers are due and cannot fire"),
        "{sentence}"
    );
    let mut reject = push(&follow_up, "reject", "Ann");
    reject.note = "too much".to_owned();
    clients
        .manager
        .push_button(reject)
        .await
        .expect("people can work");
    bench.clock.pass(Duration::from_secs(2));
    bench.is_well(&clients, Some("timers")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_refused_step_is_a_warning() {
    let _alone = ALONE.lock().await;
    let mut bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let instance: InstanceId = follow_up.instance_id.parse().expect("an id");
    bench.house.stop_workflow().await;
    let items = BatchItems::named(vec![instance]);
    let start = StartBatch {
        work: BatchWork::Move { stage: 1 },
        items,
        reason: "again".into(),
        per_second: 100,
    };
    let mut batch_id = 0;
    forge(bench.house.data_dir(), Command::from(start), |entry| {
        batch_id = entry.sequence;
        let Some(BatchChange::Started(batch)) = &mut entry.batch else {
            panic!("it starts")
        };
        // The person who started the job requests each step, and must have a name.
        Arc::make_mut(batch).actor.name = "".into();
    })
    .await;
    bench.house.start_workflow().await;
    let mut clients = bench.house.clients().await;
    let sentence = bench.shows(&clients, "jobs").await;
    assert!(
        sentence.contains(&format!("job {batch_id}")) && sentence.contains("refused"),
        "{sentence}"
    );
    let stop = StopBatchRequest {
        batch_id,
        actor: "olga".to_owned(),
        reason: "nobody asked for it".to_owned(),
        ..StopBatchRequest::default()
    };
    clients
        .operations
        .stop_batch(stop)
        .await
        .expect("it is stopped");
    bench.is_well(&clients, Some("jobs")).await;
}
