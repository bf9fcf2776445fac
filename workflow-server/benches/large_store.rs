//! Makes a large data directory without a server, for figures of backups and starts: open and ended
//! follow-ups of the refund sample, by the same `decide` and `apply`, straight into the journal. It
//! measures nothing itself; a server that starts on the directory archives what has ended.
//!
//! `LARGE_STORE=DIR OPEN=1000000 ENDED=1000000 cargo bench -p workflow-server --bench large_store`
//!
//! `CHANGED=N` changes a field of the open follow-ups N times, each with a request id of its own.
//! `TIMERS=N` adds follow-ups with a timer, all due `DUE_IN` seconds after the end. `DAYS` is the
//! time over which all requests are spread, 3 days by default: a server remembers the request ids of
//! its last `--request-ids-keep-hours`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a tool that ends where something unexpected happens"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, EndCall, IfRunning, ImportTeam, ImportWorkflow, PublishWorkflow,
    PushButton, RequestMark, SetWorkflow,
};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Request, decide};
use workflow_server::journal::{Birth, Group, LOG_LIMITS, Options, Position, RealDisk, Store};
use workflow_server::records::GroupBytes;

const REFUND: &str = include_str!("../../examples/refund.yaml");
const REMINDER: &str = "format: 1
workflow: reminder
title: Reminder
fields:
  at: {type: time, required: true}
on_new_call:
  - timer: {from: fields.at}
    id: is-due
    then:
      - alert:
          text: \"Ring {{ call.caller.name }} back\"
          team: billing
          due: 4h
      - button: Done
        then:
          - finish: done
";
const DAY_MILLIS: i64 = 86_400_000;

struct Filling {
    world: World,
    store: Store,
    group: GroupBytes,
    end: Position,
    now: Time,
    step_millis: f64,
    began: Time,
    asked: u64,
    runtime: tokio::runtime::Runtime,
}

impl Filling {
    /// Creates the store. This many requests are spread over so many days up to now, so that a
    /// server believes the clock.
    fn begin(dir: &Path, requests: u64, days: u64) -> Self {
        let birth = Birth {
            epoch: "1a".repeat(16),
            hash_key: [7; 16],
            created_at_millis: 0,
        };
        let options = Options::new(birth, Arc::new(|why| panic!("the store hangs: {why}")));
        let store = Store::open(dir, &options, Arc::new(RealDisk)).expect("the store opens");
        let wall = now().0;
        let ago_millis = days as i64 * DAY_MILLIS;
        let began = Time(wall - ago_millis);
        Self {
            world: World::new(Keeping::default()),
            store,
            group: GroupBytes::new(0),
            end: Position::default(),
            now: began,
            step_millis: ago_millis as f64 / requests as f64,
            began,
            asked: 0,
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime"),
        }
    }

    fn publish_workflows(&mut self) {
        for team in ["billing", "billing-leads", "payments"] {
            self.ask(Command::from(ImportTeam {
                name: team.into(),
                title: team.into(),
                expected: None,
                claim_next_only: None,
            }));
        }
        for (name, text) in [("refund", REFUND), ("reminder", REMINDER)] {
            let definition = Box::new(file::read(text, None).expect("the sample reads"));
            self.ask(Command::from(ImportWorkflow {
                definition,
                expected: None,
            }));
            self.ask(Command::from(PublishWorkflow {
                name: name.into(),
                expected: None,
                validated: None,
            }));
        }
    }

    fn ask(&mut self, command: Command) {
        self.asked += 1;
        self.now = Time(self.began.0 + (self.step_millis * self.asked as f64) as i64);
        let actor = Actor {
            kind: ActorKind::ScriptEngine,
            name: "load".into(),
            subject: None,
        };
        let key = u128::from(self.asked).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mark = Some(RequestMark {
            key,
            fingerprint: self.asked,
        });
        let request = Request {
            actor,
            mark,
            salt: self.asked as u16,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command,
        };
        let decided = decide(&self.world, &request, self.now).expect("it is carried out");
        let Decision::Commit(entry) = decided else {
            panic!("it changes something")
        };
        self.group.push(&entry);
        self.world.apply(&entry).expect("it fits");
        if self.group.len() > LOG_LIMITS.group_bytes_soft() {
            self.write();
        }
    }

    fn write(&mut self) {
        if self.group.is_empty() {
            return;
        }
        let chain = self.group.chain();
        let bytes = std::mem::replace(&mut self.group, GroupBytes::new(chain)).into_bytes();
        let (first, last) = (self.end.sequence + 1, self.world.root().sequence);
        let group = Group {
            first,
            last,
            chain_before: self.end.chain,
            chain,
            bytes: bytes.into(),
        };
        self.end = group.end();
        self.runtime
            .block_on(self.store.leading().log().append(group))
            .expect("it is durable");
    }

    fn set(&mut self, key: CallKey, workflow: &str, fields: Vec<(Box<str>, Value)>) {
        let caller = Caller {
            name: format!("Caller {}", key.id).into(),
            reference: format!("C-{}", key.id).into(),
            ..Caller::default()
        };
        let changes = CallChanges {
            chargeable: Some(true),
            customer: Some("Northwind".into()),
            caller: Some(caller),
            ..CallChanges::default()
        };
        self.ask(Command::from(SetWorkflow {
            call: key,
            changes,
            workflow: workflow.into(),
            version: None,
            fields,
            release: None,
            release_within_millis: None,
            if_running: IfRunning::ReturnIt,
        }));
    }

    /// Sets a refund, or changes its amount.
    fn refund(&mut self, number: u64, amount: f64) -> CallKey {
        let key = CallKey {
            source: "load".into(),
            id: format!("call-{number}").into(),
        };
        let fields = vec![
            ("amount".into(), Value::Number(amount)),
            ("order".into(), Value::Text(format!("O-{number}").into())),
        ];
        self.set(key.clone(), "refund", fields);
        key
    }

    fn end(&mut self, key: CallKey) {
        let root = self.world.root();
        let instance = root
            .call(&key)
            .and_then(|call| root.instance_at(call.instances[0]))
            .expect("it was set")
            .id;
        let push = PushButton {
            instance,
            button: "reject".into(),
            stage: Some(1),
            visit: 1,
            note: "no receipt".into(),
            form: Vec::new(),
        };
        self.ask(Command::from(push));
        self.ask(Command::from(EndCall { call: key }));
    }

    fn remind(&mut self, number: u64, at: Time) {
        let key = CallKey {
            source: "reminders".into(),
            id: format!("call-{number}").into(),
        };
        self.set(key, "reminder", vec![("at".into(), Value::Time(at))]);
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Time(since.expect("after 1970").as_millis() as i64)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() {
    let (Some(dir), Some(open), Some(ended)) = (
        std::env::var_os("LARGE_STORE"),
        number("OPEN"),
        number("ENDED"),
    ) else {
        println!("name LARGE_STORE, OPEN and ENDED to make a data directory");
        return;
    };
    let or = |name, default| number(name).unwrap_or(default);
    let (changed, timers) = (or("CHANGED", 0), or("TIMERS", 0));
    let started = Instant::now();
    let requests = open + 3 * ended + changed + timers + 8;
    let mut filling = Filling::begin(&PathBuf::from(dir), requests, or("DAYS", 3));
    filling.publish_workflows();
    let every = (open + ended).max(1);
    let mut still_open = Vec::new();
    for call in 0..open + ended {
        let key = filling.refund(call, 100.0 + call as f64);
        // Spread evenly: of every so many calls so many have ended.
        if (call + 1) * ended / every > call * ended / every {
            filling.end(key);
        } else {
            still_open.push(call);
        }
    }
    for (change, call) in (0..changed).zip(still_open.into_iter().cycle()) {
        filling.refund(call, 0.5 + change as f64);
    }
    let due = Time(now().0 + or("DUE_IN", 60) as i64 * 1_000);
    (0..timers).for_each(|call| filling.remind(call, due));
    filling.write();
    let counters = &filling.world.root().counters;
    let seconds = started.elapsed().as_secs();
    println!(
        "{} entries, {} open, {} ended, {seconds} s",
        filling.end.sequence,
        counters.open(),
        counters.ended()
    );
}
