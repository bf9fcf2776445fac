//! Services over a store in memory, and callers with a scope.

use std::sync::Arc;
use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{Command, ImportTeam, ImportWorkflow, PublishWorkflow};
use aftercall_engine::phone::Country;
use aftercall_engine::world::Keeping;
use aftercall_engine::{Reach, Request};
use aftercall_identity::{Identity, Kind, Proof, Scope};
use aftercall_proto::attributed::Attributed;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::{Asked, Caller};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::journal::memory::MemoryStore;
use crate::ledger::{Handle, Ledger, LedgerOptions, ManualClock};
use crate::limits::{CLOCK_AHEAD_MAX, COMMANDS_WAITING_MAX};
use crate::reading::Reading;
use crate::service::script;
use crate::service::shared::{DeskSettings, Services, Shared};

/// A workflow for a team.
fn workflow(name: &str, team: &str) -> String {
    format!(
        "
format: 1
workflow: {name}
title: Repair
on_new_call:
  - alert: {{ text: Repair it, team: {team}, due: 4h }}
  - button: Done
    then: [ finish: done ]
"
    )
}

/// Services over a store in memory.
pub(super) struct House {
    services: Arc<Services>,
    handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl House {
    /// With a workflow `repair` for the team care, and `invoice` for the team billing.
    pub(super) async fn new() -> Self {
        let store = MemoryStore::new();
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        let options = LedgerOptions {
            commands_waiting_max: COMMANDS_WAITING_MAX as usize,
            keeping: Keeping::default(),
            snapshot_every_entries: 1_000,
            journal_kept_entries: 1_000,
            clock_ahead_max: CLOCK_AHEAD_MAX,
            archive_after_millis: 86_400_000,
            retention: None,
            default_zone: jiff::tz::TimeZone::UTC,
        };
        let (ledger, handle) = Ledger::recover(&store, clock, options)
            .await
            .expect("a ledger");
        let stop = CancellationToken::new();
        let running = tokio::spawn(ledger.run(stop.clone()));
        let desk = DeskSettings {
            country: Country::NONE,
            undo: Duration::from_secs(300),
        };
        let services = Services::new(
            handle.clone(),
            &store,
            Duration::ZERO,
            CancellationToken::new(),
            (desk, Arc::new(Reading::start(usize::MAX).expect("threads"))),
        );
        let house = Self {
            services,
            handle,
            stop,
            running,
        };
        for team in ["care", "billing"] {
            let (name, title) = (team.into(), team.into());
            house
                .command(ImportTeam {
                    name,
                    title,
                    expected: None,
                    claim_next_only: None,
                })
                .await;
        }
        for (name, team) in [("repair", "care"), ("invoice", "billing")] {
            let definition = file::read(&workflow(name, team), None).expect("a workflow");
            let definition = Box::new(definition);
            house
                .command(ImportWorkflow {
                    definition,
                    expected: None,
                })
                .await;
            let (name, validated) = (name.into(), None);
            house
                .command(PublishWorkflow {
                    name,
                    expected: None,
                    validated,
                })
                .await;
        }
        house
    }

    async fn command(&self, command: impl Into<Command>) {
        let actor = Actor {
            kind: ActorKind::Author,
            name: "author".into(),
            subject: None,
        };
        let request = Request {
            actor,
            mark: None,
            salt: 7,
            known: None,
            acts_for: None,
            reach: Reach::EVERYTHING,
            command: command.into(),
        };
        self.handle
            .execute(request)
            .await
            .expect("it is carried out");
    }

    /// What the services do for a caller.
    pub(super) fn shared(&self, caller: &Caller) -> Shared {
        self.services.for_caller(caller)
    }

    /// Sets a workflow on a call of its own; returns the id.
    pub(super) async fn set(&self, call: &str, customer: &str, workflow: &str) -> String {
        let everyone = everyone();
        let shared = self.shared(&everyone);
        let request = asked(&everyone, set_request(call, customer, workflow));
        let answer = script::set_workflow(&shared, request)
            .await
            .expect("it is set");
        let answer = answer.message().expect("a message");
        answer.follow_up.expect("a follow-up").instance_id
    }

    /// Ends all tasks.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("the ledger ends");
    }
}

pub(super) fn set_request(call: &str, customer: &str, workflow: &str) -> proto::SetWorkflowRequest {
    proto::SetWorkflowRequest {
        actor: "script-1".to_owned(),
        call: Some(call_ref(call)),
        properties: Some(proto::CallProperties {
            customer: customer.to_owned(),
            caller: Some(caller_of_calls()),
            chargeable: Some(true),
            ..Default::default()
        }),
        workflow: workflow.to_owned(),
        ..Default::default()
    }
}

/// The person who makes all calls.
pub(super) fn caller_of_calls() -> proto::Caller {
    proto::Caller {
        reference: "C-1".to_owned(),
        ..Default::default()
    }
}

pub(super) fn call_ref(id: &str) -> proto::CallRef {
    proto::CallRef {
        source: "test".to_owned(),
        id: id.to_owned(),
    }
}

/// A request of a caller.
pub(super) fn asked<T: Attributed>(caller: &Caller, request: T) -> Asked<T> {
    Asked::of_caller(caller.clone(), request)
}

/// A caller without a limit.
pub(super) fn everyone() -> Caller {
    Caller::new(Arc::new(Identity::local_operator()))
}

/// A person with all roles and a scope.
pub(super) fn person(name: &str, customers: &[&str], teams: &[&str]) -> Caller {
    Caller::new(Arc::new(Identity {
        subject: name.into(),
        name: name.into(),
        kind: Kind::Person,
        scope: Scope::new(customers, teams),
        proof: Proof::TokenFile,
        ..Identity::local_operator()
    }))
}
