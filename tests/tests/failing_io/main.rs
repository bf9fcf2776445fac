//! A file system that fails: calls of the C library on the data directory of a real server fail
//! with EIO, ENOSPC or EMFILE, at many points of a start and under load. The server ends with the
//! code for its supervisor or carries on; after a start on a working file system nothing
//! that was acknowledged is missing, and nothing was done twice, also where clients ask again.

mod place;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aftercall_proto::workflow::v1::{
    FollowUp, InstanceFilter, ListInstancesRequest, PushButtonRequest, SetWorkflowRequest,
};
use aftercall_tests::{
    Clients, PATIENCE, REFUND, ServerProcess, eventually, push, read_feed, set_refund,
};
use place::Place;
use tokio_util::sync::CancellationToken;

const EIO: i32 = 5;

const EMFILE: i32 = 24;

const ENOSPC: i32 = 28;

/// Not an error: what is written is dropped, and reported as written.
const DROPPED: i32 = 0;

const WORKERS: usize = 4;

/// What the server ends with where a start may well succeed.
const EX_TEMPFAIL: i32 = 75;

/// What the watchdog of commits ends it with.
const EX_SOFTWARE: i32 = 70;

/// More calls than a server makes here.
const FOR_GOOD: u64 = 1_000_000;

/// At how many points the file system fails; the test command can request the full form.
fn points() -> u64 {
    std::env::var("AFTERCALL_IO_FAULTS")
        .ok()
        .and_then(|points| points.parse().ok())
        .unwrap_or(15)
}

/// What was asked for a call, and what was acknowledged of it.
#[derive(Clone, Debug)]
struct Job {
    set: SetWorkflowRequest,
    push: Option<PushButtonRequest>,
    /// The follow-up as the newest answer showed it.
    acknowledged: Option<FollowUp>,
}

/// By call.
type Jobs = BTreeMap<String, Job>;

/// Sets and pushes until it is stopped, or until a request fails.
async fn work(
    mut clients: Clients,
    name: String,
    stop: CancellationToken,
    count: Arc<AtomicUsize>,
) -> Jobs {
    let mut jobs = Jobs::new();
    for nth in 0.. {
        if stop.is_cancelled() {
            break;
        }
        let call = format!("{name}-{nth}");
        let set = SetWorkflowRequest {
            request_id: call.clone(),
            ..set_refund(&call, 1.0)
        };
        let job = jobs.entry(call.clone()).or_insert(Job {
            set: set.clone(),
            push: None,
            acknowledged: None,
        });
        let Ok(answer) = clients.scripts.set_workflow(set).await else {
            break;
        };
        let follow_up = answer
            .into_inner()
            .follow_up
            .expect("the follow-up is in the answer");
        let push = PushButtonRequest {
            request_id: format!("push-{call}"),
            ..push(&follow_up, "approve", "Ann")
        };
        (job.push, job.acknowledged) = (Some(push.clone()), Some(follow_up));
        let Ok(answer) = clients.manager.push_button(push).await else {
            break;
        };
        job.acknowledged = answer.into_inner().follow_up;
        count.fetch_add(1, Ordering::Relaxed);
    }
    jobs
}

/// Works while the file system fails at a point; what was asked, and acknowledged.
async fn work_at(
    place: &Place,
    server: &mut ServerProcess,
    name: &str,
    (errno, succeed, fail): (i32, u64, u64),
) -> Jobs {
    let clients = Clients::connect(server.address(), None).await;
    let (stop, count) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let start = |worker| {
        work(
            clients.clone(),
            format!("{name}-{worker}"),
            stop.clone(),
            count.clone(),
        )
    };
    let working: Vec<_> = (0..WORKERS)
        .map(|worker| tokio::spawn(start(worker)))
        .collect();
    let reached = |wanted: usize| {
        count.load(Ordering::Relaxed) >= wanted
            || working.iter().all(tokio::task::JoinHandle::is_finished)
    };
    eventually("work is done", || async { reached(4).then_some(()) }).await;
    place.arm(errno, succeed, fail);
    // A point that the load does not reach in time has no fault.
    let until = count.load(Ordering::Relaxed) + 60;
    eventually("the file system fails", || async {
        (place.has_failed() || reached(until)).then_some(())
    })
    .await;
    let enough = count.load(Ordering::Relaxed) + 8;
    eventually("the server carries on or ends", || {
        let is_over = server.has_ended() || reached(enough);
        async move { is_over.then_some(()) }
    })
    .await;
    stop.cancel();
    let mut jobs = Jobs::new();
    for one in working {
        jobs.extend(one.await.expect("the work ends"));
    }
    jobs
}

/// All instances, by call.
async fn present(clients: &mut Clients) -> BTreeMap<String, Vec<FollowUp>> {
    let mut present: BTreeMap<String, Vec<FollowUp>> = BTreeMap::new();
    let filter = Some(InstanceFilter {
        statuses: (1..=6).collect(),
        ..InstanceFilter::default()
    });
    let mut list = ListInstancesRequest {
        filter,
        page_size: 1_000,
        ..ListInstancesRequest::default()
    };
    loop {
        let page = clients
            .operations
            .list_instances(list.clone())
            .await
            .expect("a list")
            .into_inner();
        for instance in page.instances {
            let call = instance
                .call
                .as_ref()
                .and_then(|call| call.r#ref.clone())
                .expect("its call")
                .id;
            present.entry(call).or_default().push(instance);
        }
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            return present;
        }
    }
}

/// What is missing of what was acknowledged, or was done twice.
pub(crate) fn faults(jobs: &Jobs, present: &BTreeMap<String, Vec<FollowUp>>) -> Vec<String> {
    let mut faults = Vec::new();
    for (call, job) in jobs {
        let found = present.get(call).map_or(&[][..], Vec::as_slice);
        if found.len() > 1 {
            faults.push(format!("call {call} has {} follow-ups", found.len()));
        }
        // Setting is revision 1, pushing 2.
        let most = 1 + u64::from(job.push.is_some());
        if let Some(twice) = found.iter().find(|one| one.revision > most) {
            faults.push(format!(
                "call {call} is at revision {}, not at most {most}",
                twice.revision
            ));
        }
        let Some(known) = &job.acknowledged else {
            continue;
        };
        let same = found
            .iter()
            .find(|one| one.instance_id == known.instance_id);
        if same.is_none_or(|one| one.revision < known.revision || one.sequence < known.sequence) {
            faults.push(format!(
                "call {call} was acknowledged at revision {} and is not there",
                known.revision
            ));
        }
    }
    faults
}

/// Every request is repeated with its id; then each must have been done once.
async fn ask_again(clients: &mut Clients, jobs: &mut Jobs) {
    for job in jobs.values_mut() {
        let set = clients
            .scripts
            .set_workflow(job.set.clone())
            .await
            .expect("it is set")
            .into_inner();
        let follow_up = set.follow_up.expect("the follow-up is in the answer");
        let known = job.acknowledged.get_or_insert_with(|| follow_up.clone());
        assert_eq!(
            known.instance_id, follow_up.instance_id,
            "asking again gives the same follow-up"
        );
        if let Some(push) = &job.push {
            let pushed = clients
                .manager
                .push_button(push.clone())
                .await
                .expect("it is pushed")
                .into_inner();
            job.acknowledged = pushed.follow_up;
        }
    }
}

async fn check(place: &Place, jobs: &mut Jobs, point: &str) {
    let server = place.start_well();
    let mut clients = Clients::connect(server.address(), None).await;
    assert_eq!(
        faults(jobs, &present(&mut clients).await),
        Vec::<String>::new(),
        "{point}"
    );
    ask_again(&mut clients, jobs).await;
    assert_eq!(
        faults(jobs, &present(&mut clients).await),
        Vec::<String>::new(),
        "{point}, repeated"
    );
    read_feed(&mut clients).await;
    assert!(server.terminate(PATIENCE).expect("it ends").success());
}

/// A data directory with the workflow in it.
async fn prepared() -> Place {
    let place = Place::new();
    let server = place.start_well();
    let mut clients = Clients::connect(server.address(), None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    assert!(server.terminate(PATIENCE).expect("it ends").success());
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_after_any_io_failure() {
    let place = prepared().await;
    let (mut all, mut failed, mut ended, mut not_started, mut stuck) = (Jobs::new(), 0, 0, 0, 0);
    for point in 0..points() {
        let errno = [EIO, ENOSPC, EMFILE][(point % 3) as usize];
        // Opens are fewer than writes.
        let succeed = if errno == EMFILE {
            point / 3 % 24
        } else {
            point * 7 % 120
        };
        let (fail, at_start) = ([1, 3, FOR_GOOD][(point / 3 % 3) as usize], point % 5 == 4);
        let name =
            format!("point {point}: {errno} after {succeed}, {fail} times, at a start: {at_start}");
        if at_start {
            place.arm(errno, succeed, fail);
        }
        let Some(mut server) = place.start(true) else {
            (failed, not_started) = (failed + u32::from(place.has_failed()), not_started + 1);
            assert!(place.has_failed(), "{name}: it did not start");
            check(&place, &mut Jobs::new(), &name).await;
            continue;
        };
        let mut jobs = work_at(
            &place,
            &mut server,
            &point.to_string(),
            (errno, succeed, fail),
        )
        .await;
        failed += u32::from(place.has_failed());
        let code = server
            .terminate(PATIENCE)
            .unwrap_or_else(|| panic!("{name}: it does not end"))
            .code();
        ended += u32::from(code == Some(EX_TEMPFAIL));
        // Where there is no descriptor for good, a commit waits for one until the watchdog ends the
        // process. After a failed write sled may also wait for ever, once in some hundred points:
        // the process then ends without it.
        let is_stuck = place.has_failed() && code == Some(EX_SOFTWARE);
        stuck += u32::from(is_stuck && (errno, fail) != (EMFILE, FOR_GOOD));
        assert!(
            is_stuck || matches!(code, Some(0 | EX_TEMPFAIL)),
            "{name}: it ended with {code:?}"
        );
        check(&place, &mut jobs, &name).await;
        all.extend(jobs);
    }
    println!(
        "{} points, {failed} with a fault: {ended} ended, {not_started} did not start, {stuck} were stuck",
        points()
    );
    assert!(
        u64::from(failed) * 3 >= points() * 2,
        "only {failed} points had a fault"
    );
    assert!(ended > 0, "no fault came to the journal");
    assert!(
        u64::from(stuck) * 10 <= points(),
        "{stuck} points were stuck"
    );
    check(&place, &mut all, "at the end").await;
}

/// The negative control: a disk that drops what it reports as written. The server notices it, is
/// refused by name at the next start, or is found to have lost.
#[tokio::test(flavor = "multi_thread")]
async fn dropped_writes_are_detected() {
    let place = prepared().await;
    let mut server = place.start(true).expect("it starts");
    let jobs = work_at(&place, &mut server, "dropped", (DROPPED, 0, FOR_GOOD)).await;
    assert!(
        place.has_failed()
            && jobs
                .values()
                .filter(|job| job.acknowledged.is_some())
                .count()
                > 4
    );
    if server.has_ended() {
        // It has missed what was dropped before anybody was answered.
        let ended = server.terminate(PATIENCE).expect("it has ended");
        assert_eq!(ended.code(), Some(EX_TEMPFAIL));
        return;
    }
    server.kill();
    place.disarm();
    let Some(server) = place.start(false) else {
        return;
    };
    let mut clients = Clients::connect(server.address(), None).await;
    assert_ne!(
        faults(&jobs, &present(&mut clients).await),
        Vec::<String>::new()
    );
}

#[test]
fn the_check_finds_lost_and_doubled_changes() {
    let follow_up = |id: &str, revision: u64| FollowUp {
        instance_id: id.to_owned(),
        revision,
        sequence: 7,
        ..FollowUp::default()
    };
    let job = |acknowledged: Option<FollowUp>| Job {
        set: SetWorkflowRequest::default(),
        push: None,
        acknowledged,
    };
    let jobs = Jobs::from([
        ("1".to_owned(), job(Some(follow_up("a", 1)))),
        ("2".to_owned(), job(None)),
    ]);
    let with = |first: Vec<FollowUp>, second: Vec<FollowUp>| {
        faults(
            &jobs,
            &[("1".to_owned(), first), ("2".to_owned(), second)].into(),
        )
        .len()
    };
    assert_eq!(
        with(vec![follow_up("a", 1)], vec![]),
        0,
        "what was not acknowledged may be missing"
    );
    assert_eq!(
        with(vec![follow_up("a", 1)], vec![follow_up("b", 1)]),
        0,
        "or be there"
    );
    assert_eq!(with(vec![], vec![]), 1, "lost");
    assert_eq!(
        with(vec![follow_up("a", 1), follow_up("c", 1)], vec![]),
        1,
        "set twice"
    );
    assert_eq!(
        with(vec![follow_up("a", 2)], vec![follow_up("b", 2)]),
        2,
        "pushed by nobody"
    );
}
