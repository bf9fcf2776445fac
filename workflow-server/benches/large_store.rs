//! Makes a large data directory without a server, for figures of backups and starts: open and ended
//! follow-ups of the refund sample, by the same `decide` and `apply`, straight into the journal. It
//! measures nothing itself; a server that starts on the directory archives what has ended.
//!
//! `LARGE_STORE=DIR OPEN=1000000 ENDED=1000000 cargo bench -p workflow-server --bench large_store`

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
/// How long ago the first entry was; the last one is of now, so that a server believes the clock.
const AGO_MILLIS: i64 = 3 * 86_400_000;

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
    /// Creates the store. This many requests are spread over the time from the first entry to now.
    fn begin(dir: &Path, requests: u64) -> Self {
        let birth = Birth {
            epoch: "1a".repeat(16),
            hash_key: [7; 16],
            created_at_millis: 0,
        };
        let options = Options::new(birth, Arc::new(|why| panic!("the store hangs: {why}")));
        let store = Store::open(dir, &options, Arc::new(RealDisk)).expect("the store opens");
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis() as i64;
        let began = Time(wall - AGO_MILLIS);
        Self {
            world: World::new(Keeping::default()),
            store,
            group: GroupBytes::new(0),
            end: Position::default(),
            now: began,
            step_millis: AGO_MILLIS as f64 / requests as f64,
            began,
            asked: 0,
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime"),
        }
    }

    fn publish_refund(&mut self) {
        for team in ["billing", "billing-leads", "payments"] {
            self.ask(Command::from(ImportTeam {
                name: team.into(),
                title: team.into(),
                expected: None,
            }));
        }
        let definition = Box::new(file::read(REFUND, None).expect("the sample reads"));
        self.ask(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }));
        self.ask(Command::from(PublishWorkflow {
            name: "refund".into(),
            expected: None,
            validated: None,
        }));
    }

    fn ask(&mut self, command: Command) {
        self.asked += 1;
        self.now = Time(self.began.0 + (self.step_millis * self.asked as f64) as i64);
        let actor = Actor {
            kind: ActorKind::ScriptEngine,
            name: "load".into(),
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

    fn call(&mut self, number: u64, is_ended: bool) {
        let key = CallKey {
            source: "load".into(),
            id: format!("call-{number}").into(),
        };
        let caller = Caller {
            name: format!("Caller {number}").into(),
            reference: format!("C-{number}").into(),
            ..Caller::default()
        };
        let changes = CallChanges {
            chargeable: Some(true),
            customer: Some("Northwind".into()),
            caller: Some(caller),
            ..CallChanges::default()
        };
        self.ask(Command::from(SetWorkflow {
            call: key.clone(),
            changes,
            workflow: "refund".into(),
            version: None,
            fields: vec![
                ("amount".into(), Value::Number(100.0 + number as f64)),
                ("order".into(), Value::Text(format!("O-{number}").into())),
            ],
            release: None,
            release_within_millis: None,
            if_running: IfRunning::ReturnIt,
        }));
        if is_ended {
            let root = self.world.root();
            let instance = root
                .call(&key)
                .and_then(|call| root.instance_at(call.instances[0]))
                .expect("it was set")
                .id;
            let note = "no receipt".into();
            let push = PushButton {
                instance,
                button: "reject".into(),
                stage: Some(1),
                visit: 1,
                note,
                form: Vec::new(),
            };
            self.ask(Command::from(push));
            self.ask(Command::from(EndCall { call: key }));
        }
    }
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
    let started = Instant::now();
    let mut filling = Filling::begin(&PathBuf::from(dir), open + 3 * ended + 8);
    filling.publish_refund();
    let every = (open + ended).max(1);
    for call in 0..every {
        // Spread evenly: of every so many calls so many have ended.
        filling.call(call, (call + 1) * ended / every > call * ended / every);
    }
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
