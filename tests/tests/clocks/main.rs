//! The server's clock decides, and never that of the machine at which somebody types: the command
//! line, as a process of its own with the machine's clock, asks servers whose clock is ten days
//! ahead or behind.

mod zones;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    FollowUp, GetFollowUpRequest, GetServerInfoRequest, ImportTeamRequest, ListBatchesRequest,
};
use aftercall_tests::{Clients, House, Machine, PATIENCE, binary, eventually};
use futures::future::BoxFuture;
use workflow_server::journal::RealDisk;
use workflow_server::ledger::{Clock, SystemClock, Uptime};

const DAY: i64 = 86_400;

/// The machine's clock, so many seconds off.
struct Shifted {
    machine: SystemClock,
    seconds: AtomicI64,
}

impl Clock for Shifted {
    fn wall(&self) -> Time {
        Time(self.machine.wall().0 + self.seconds.load(Ordering::Relaxed) * 1_000)
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }

    fn uptime(&self) -> Option<Uptime> {
        self.machine.uptime()
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        self.machine.wait(span)
    }
}

const RING: &str = "
format: 1
workflow: ring
title: Ring
fields: { ring_at: { type: time, min: now, max: 30d } }
on_new_call:
  - alert: { text: Ring, team: care, due: 4h }
  - button: Visit
    form: { visit_at: { type: time, required: true, min: now, max: 30d } }
    then:
      - alert: { text: Visit, team: care, due: 2d }
      - button: Done
        then: [ finish: done ]
";

/// Both servers, whose clock is so many seconds off.
async fn shifted(seconds: i64) -> (House, Clients, Arc<Shifted>) {
    // Built before anything counts from now: building takes minutes.
    binary("aftercall");
    let clock = Arc::new(Shifted {
        machine: SystemClock::default(),
        seconds: seconds.into(),
    });
    let mut house = House::start_on(Machine {
        clock: clock.clone(),
        disk: Arc::new(RealDisk),
    })
    .await;
    house.start_alerter().await;
    let mut clients = house.clients().await;
    let care = ImportTeamRequest {
        actor: "author".to_owned(),
        name: "care".to_owned(),
        ..ImportTeamRequest::default()
    };
    clients
        .definitions
        .import_team(care)
        .await
        .expect("declared");
    clients.publish(RING).await;
    (house, clients, clock)
}

/// Runs a command that must do, in a terminal of UTC; what it printed.
async fn does(house: &House, args: &[&str]) -> String {
    prints(house, args).await.0
}

/// The same with what it printed beside it.
async fn prints(house: &House, args: &[&str]) -> (String, String) {
    let mut command = tokio::process::Command::new(binary("aftercall"));
    command
        .args(args)
        .env("TZ", "UTC")
        .env("AFTERCALL_ACTOR", "ann")
        .kill_on_drop(true);
    command.env("AFTERCALL_SERVER", house.workflow_url());
    command.env(
        "AFTERCALL_ALERTER",
        format!("http://{}", house.alerter_address()),
    );
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("it ends in time")
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        text(&output.stderr)
    );
    (text(&output.stdout), text(&output.stderr))
}

impl Server<'_> {
    async fn now(&mut self) -> i64 {
        let info = self
            .clients
            .operations
            .get_server_info(GetServerInfoRequest {})
            .await
            .expect("it")
            .into_inner();
        info.server_time.expect("a time").seconds
    }

    async fn follow_up(&mut self, id: &str) -> FollowUp {
        let request = GetFollowUpRequest {
            instance_id: id.to_owned(),
            read_mask: None,
        };
        self.clients
            .manager
            .get_follow_up(request)
            .await
            .expect("it")
            .into_inner()
            .follow_up
            .expect("it")
    }

    /// By the server's clock; as the terminal types it.
    async fn tomorrow(&mut self) -> String {
        let at = jiff::Timestamp::from_second(self.now().await + DAY).expect("a time");
        at.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

struct Server<'a> {
    clients: &'a mut Clients,
}

async fn check_distances(house: &House, id: &str, days: i64) {
    for (args, expected) in [
        (vec!["calls"], "in 4 h"),
        (vec!["instance", "show", id], "due in 4 h"),
        (vec!["instance", "list"], "in 4 h"),
        (vec!["claim", id], "the lease ends in 15 min."),
        (
            vec!["extend", id, "--lease", "2h"],
            "the lease ends in 2 h.",
        ),
        (vec!["snooze", id, "--for", "2h"], "back in 2 h,"),
        (vec!["snooze", id, "--days", "3"], "back in 3 d,"),
    ] {
        let out = does(house, &args).await;
        assert!(out.contains(expected), "{days} days, {args:?}: {out}");
    }
}

/// The report counts the last hour, and the wallboard shows an age.
async fn check_counts(house: &House, days: i64) {
    let out = does(
        house,
        &[
            "report", "--last", "1h", "--by", "workflow", "--output", "json",
        ],
    )
    .await;
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["rows"][0]["set"], 1, "{days} days: {out}");
    let out = does(house, &["wallboard"]).await;
    let all = out
        .lines()
        .find(|line| line.starts_with("all"))
        .expect("a total");
    assert!(
        all.trim_end().ends_with(" s") || all.contains(" min"),
        "{days} days: {out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn relative_times_use_the_servers_clock() {
    for days in [-10, 10] {
        let (house, mut clients, _) = shifted(days * DAY).await;
        let mut server = Server {
            clients: &mut clients,
        };
        let ring_at = format!("ring_at={}", server.tomorrow().await);
        let set = [
            "set-workflow",
            "ring",
            "--call",
            "x/1",
            "--customer",
            "X",
            "--chargeable",
            "--field",
            &ring_at,
        ];
        let out = does(&house, &set).await;
        assert!(out.contains("(in 1 d)"), "{days} days: {out}");
        let id = out.split_whitespace().nth(1).expect("an id").to_owned();
        check_distances(&house, &id, days).await;
        let out = does(&house, &["pause", &id, "--reason", "part", "--for", "3d"]).await;
        assert!(out.contains("Paused"), "{out}");
        let until = server
            .follow_up(&id)
            .await
            .pause
            .expect("a pause")
            .until
            .expect("an end")
            .seconds;
        assert!(
            (until - server.now().await - 3 * DAY).abs() < 60,
            "{days} days"
        );
        let out = does(&house, &["resume", &id]).await;
        assert!(out.contains("due in 4 h"), "{days} days: {out}");
        does(
            &house,
            &[
                "batch", "pause", "--id", &id, "--reason", "storm", "--for", "12h",
            ],
        )
        .await;
        let jobs = server
            .clients
            .operations
            .list_batches(ListBatchesRequest {})
            .await
            .expect("jobs")
            .into_inner();
        let Some(Kind::Pause(pause)) = jobs.batches[0].work.clone().expect("work").kind else {
            panic!("a pause")
        };
        assert!(
            (pause.until.expect("an end").seconds - server.now().await - DAY / 2).abs() < 60,
            "{days} days"
        );
        let out = does(&house, &["batch", "list", "--wide"]).await;
        assert!(
            out.contains(" s ago") || out.contains("now"),
            "{days} days: {out}"
        );
        eventually("the batch has paused it", || {
            let (house, id) = (&house, &id);
            async move {
                does(house, &["instance", "show", id])
                    .await
                    .contains("paused")
                    .then_some(())
            }
        })
        .await;
        does(&house, &["resume", &id]).await;
        let visit_at = format!("visit_at={}", server.tomorrow().await);
        let out = does(&house, &["push", &id, "visit", "--form", &visit_at]).await;
        assert!(
            out.contains("(in 1 d)") && out.contains("visit_at: "),
            "{days} days: {out}"
        );
        check_counts(&house, days).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_keep_bounds_relative_to_the_server() {
    let (house, ..) = shifted(10 * DAY).await;
    let measure = [
        "load",
        "--workflow",
        "ring",
        "--requests",
        "20",
        "--in-flight",
        "2",
        "--output",
        "json",
    ];
    let out = does(
        &house,
        &[&["--server", &house.workflow_url()][..], &measure].concat(),
    )
    .await;
    assert!(
        serde_json::from_str::<serde_json::Value>(&out).is_ok(),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_clock_is_shown_beside_times() {
    let (house, clients, clock) = shifted(0).await;
    let set = [
        "set-workflow",
        "ring",
        "--call",
        "x/1",
        "--customer",
        "X",
        "--chargeable",
    ];
    let (out, beside) = prints(&house, &set).await;
    assert!(!beside.contains("held"), "{beside}");
    let id = out.split_whitespace().nth(1).expect("an id").to_owned();
    // What a jump of the wall clock looks like.
    clock.seconds.store(3_600, Ordering::Relaxed);
    eventually("the clock is held", || {
        let mut operations = clients.operations.clone();
        async move {
            let info = operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .expect("it")
                .into_inner();
            info.clock_held.then_some(())
        }
    })
    .await;
    let again = [
        "set-workflow",
        "ring",
        "--call",
        "x/2",
        "--customer",
        "X",
        "--chargeable",
    ];
    for args in [
        &["calls"][..],
        &["instance", "show", &id],
        &["instance", "timers"],
        &again,
    ] {
        let (_, beside) = prints(&house, args).await;
        assert_eq!(
            beside.matches("The server's clock is held").count(),
            1,
            "{args:?}: {beside}"
        );
    }
}
