//! Measures what the persistent maps cost the writer and the readers, with 100,000 open follow-ups,
//! and the counts of saved views with 10,000. It measures these steps:
//!
//! * Decide and apply Set Workflow and a push. Once without readers, once with a root published for
//!   each group.
//! * List a first page.
//! * Count what 50 saved views select.
//! * Drop a root.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    CallChanges, Command, IfRunning, ImportTeam, ImportWorkflow, PublishWorkflow, PushButton,
    Request, RequestMark, SetWorkflow,
};
use aftercall_engine::filter::{FollowUpFilter, SearchText};
use aftercall_engine::limits::VIEWS_PER_OWNER_MAX;
use aftercall_engine::phone::Country;
use aftercall_engine::query::{count_follow_ups, list_follow_ups, never};
use aftercall_engine::world::{Keeping, Root, World};
use aftercall_engine::{Decision, Reach, decide};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const OPEN: u32 = 100_000;
/// Open follow-ups whose views are counted.
const COUNTED: u32 = 10_000;
/// The number of commands in a group, from the study that chose the persistent maps.
const GROUP: u32 = 46;
const PAGE: usize = 100;
const NOW: Time = Time(1_795_000_000_000);

struct Bench {
    world: World,
    asked: u64,
    /// The slot of the next instance whose button has not been pushed.
    unpushed: u32,
}

impl Bench {
    fn new(open: u32) -> Self {
        let mut bench = Self {
            world: World::new(Keeping::default()),
            asked: 0,
            unpushed: 0,
        };
        for name in ["billing", "payments"] {
            bench.ask(Command::from(ImportTeam {
                name: name.into(),
                title: name.into(),
                expected: None,
                claim_next_only: None,
            }));
        }
        let refund = include_str!("../../../examples/refund.yaml");
        let definition = file::read(refund, None)
            .expect("the sample is whole")
            .into();
        bench.ask(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }));
        bench.ask(Command::from(PublishWorkflow {
            name: "refund".into(),
            expected: None,
            validated: None,
        }));
        for _ in 0..open {
            bench.set();
        }
        bench
    }

    fn ask(&mut self, command: Command) {
        self.asked += 1;
        let mark = Some(RequestMark {
            key: u128::from(self.asked),
            fingerprint: self.asked,
        });
        let actor = Actor {
            kind: ActorKind::ScriptEngine,
            name: "dialler".into(),
            subject: None,
        };
        let request = Request {
            actor,
            mark,
            salt: self.asked as u16,
            known: None,
            acts_for: None,
            reach: Reach::EVERYTHING,
            command,
        };
        match decide(&self.world, &request, NOW) {
            Ok(Decision::Commit(entry)) => self.world.apply(&entry).expect("what was decided fits"),
            other => panic!("{request:?} results in {other:?}"),
        }
    }

    fn set(&mut self) {
        self.ask(Command::from(SetWorkflow {
            call: CallKey {
                source: "dialler".into(),
                id: format!("call-{}", self.asked).into(),
            },
            changes: CallChanges {
                customer: Some("northern-gas".into()),
                chargeable: Some(true),
                ..CallChanges::default()
            },
            workflow: "refund".into(),
            version: None,
            fields: vec![
                ("amount".into(), Value::Number(87.5)),
                ("order".into(), Value::Text("A-1".into())),
            ],
            release: None,
            release_within_millis: None,
            if_running: IfRunning::ReturnIt,
        }));
    }

    fn push(&mut self) {
        let instance = self
            .world
            .root()
            .instance_at(self.unpushed)
            .expect("there are enough")
            .clone();
        self.unpushed += 1;
        self.ask(Command::from(PushButton {
            instance: instance.id,
            button: "pay-out".into(),
            stage: Some(instance.stage),
            visit: instance.visit(),
            note: "".into(),
            form: Vec::new(),
        }));
    }
}

fn writer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a group of 46");
    group.throughput(Throughput::Elements(u64::from(GROUP)));
    for publishes in [false, true] {
        let with = if publishes {
            "published"
        } else {
            "without readers"
        };
        let bench = RefCell::new(Bench::new(OPEN));
        let mut published: Option<Root> = None;
        let mut publish = |bench: &Bench| published = publishes.then(|| bench.world.root().clone());
        group.bench_function(BenchmarkId::new("set-workflow", with), |bencher| {
            bencher.iter(|| {
                let mut bench = bench.borrow_mut();
                (0..GROUP).for_each(|_| bench.set());
                publish(&bench);
            });
        });
        group.bench_function(BenchmarkId::new("push", with), |bencher| {
            bencher.iter_batched(
                || (0..GROUP).for_each(|_| bench.borrow_mut().set()),
                |()| {
                    let mut bench = bench.borrow_mut();
                    (0..GROUP).for_each(|_| bench.push());
                    publish(&bench);
                },
                BatchSize::PerIteration,
            );
        });
    }
    let mut bench = Bench::new(OPEN);
    group.bench_function("the old root dropped", |bencher| {
        bencher.iter_batched(
            || {
                let old = bench.world.root().clone();
                (0..GROUP).for_each(|_| bench.set());
                old
            },
            drop,
            BatchSize::PerIteration,
        );
    });
}

fn readers(criterion: &mut Criterion) {
    let bench = Bench::new(OPEN);
    let root = bench.world.root();
    let mut group = criterion.benchmark_group("a first page of 100");
    for (name, customers) in [
        ("all", vec![]),
        ("of a customer who has none", vec!["nobody".into()]),
    ] {
        let filter = FollowUpFilter {
            customers,
            ..FollowUpFilter::default()
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(list_follow_ups(
                    root,
                    black_box(&filter),
                    NOW,
                    (None, PAGE),
                    &never,
                ))
            });
        });
    }
    group.finish();
}

/// The largest number of views of one owner, counted together. They select all, by team, by customer,
/// what is overdue, and by text.
fn counts(criterion: &mut Criterion) {
    let bench = Bench::new(COUNTED);
    let root = bench.world.root();
    let any = FollowUpFilter::default;
    let with_text = |nth: usize| FollowUpFilter {
        text: SearchText::new(&format!("order A-{nth}"), Country::NONE),
        ..any()
    };
    let without_text = |nth: usize| match nth % 5 {
        0 => any(),
        1 => FollowUpFilter {
            teams: vec![0],
            ..any()
        },
        2 => FollowUpFilter {
            customers: vec!["northern-gas".into()],
            unclaimed_only: true,
            ..any()
        },
        3 => FollowUpFilter {
            overdue_only: true,
            ..any()
        },
        _ => FollowUpFilter {
            workflows: vec!["refund".into()],
            stages: vec![("refund".into(), 1)],
            ..any()
        },
    };
    let views = 0..VIEWS_PER_OWNER_MAX;
    let mut group = criterion.benchmark_group("counts of 50 views over 10,000 follow-ups");
    for (name, filters) in [
        (
            "without text",
            views.clone().map(without_text).collect::<Vec<_>>(),
        ),
        ("with text", views.map(with_text).collect()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let filters = (black_box(&filters[..]), &Reach::EVERYTHING);
                black_box(count_follow_ups(root, filters, NOW, &never))
            });
        });
    }
    group.finish();
}

/// The times are short, because every measured Set Workflow stays in the World.
fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = config(); targets = writer, readers, counts }
criterion_main!(benches);
