//! Simulations: a workflow is tried out, nothing is stored, and a long one is cut.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::simulation_step::What;
use aftercall_proto::workflow::v1::{
    CountInstancesRequest, SimulateWorkflowRequest, SimulatedPush, SimulationStep, Value,
};
use aftercall_tests::{Clients, House, number, reason, text, with_refund};
use tonic_types::StatusExt as _;

use crate::{CLAIM, with_claim};

async fn check_refused_simulations(clients: &mut Clients, request: SimulateWorkflowRequest) {
    let wrong = SimulateWorkflowRequest {
        fields: BTreeMap::new(),
        ..request.clone()
    };
    let refused = clients
        .definitions
        .simulate_workflow(wrong)
        .await
        .expect_err("a field is missing");
    assert_eq!(
        refused
            .get_details_bad_request()
            .expect("fields")
            .field_violations[0]
            .field,
        "fields.price"
    );
    let faulty = SimulateWorkflowRequest {
        file: CLAIM.replace("office", "nowhere"),
        ..request
    };
    let refused = clients
        .definitions
        .simulate_workflow(faulty)
        .await
        .expect_err("no such calendar");
    assert_eq!(reason(&refused), "WORKFLOW_HAS_FAULTS");
    assert_eq!(
        refused
            .get_details_bad_request()
            .expect("places")
            .field_violations[0]
            .field,
        "file:5:11"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_stores_nothing() {
    let house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let push = |button: &str, form: &[(&str, Value)]| SimulationStep {
        what: Some(What::Push(SimulatedPush {
            button_id: button.to_owned(),
            form: form
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            note: String::new(),
        })),
    };
    let wait = |seconds| SimulationStep {
        what: Some(What::Wait(prost_types::Duration { seconds, nanos: 0 })),
    };
    let file = CLAIM
        .replace("team: payments", "team: not-declared-here")
        .replace(
            "      - button: Done",
            "      - timer: 2h\n        then: [ finish: late ]\n      - button: Done",
        );
    let request = SimulateWorkflowRequest {
        file,
        fields: [("price".to_owned(), number(50.0))].into(),
        at: Some(prost_types::Timestamp {
            seconds: 1_795_000_000,
            nanos: 0,
        }),
        steps: vec![
            wait(3_600),
            push("look", &[("reference", text("TX-9"))]),
            wait(7_200),
            push("done", &[]),
            wait(1),
        ],
        ..SimulateWorkflowRequest::default()
    };
    let answer = clients
        .definitions
        .simulate_workflow(request.clone())
        .await
        .expect("tried")
        .into_inner();
    let shown: Vec<String> = answer
        .states
        .iter()
        .map(|state| {
            let follow_up = state.follow_up.as_ref().expect("it");
            let stage = follow_up.stage.as_ref().map_or(0, |stage| stage.number);
            let at = state.at.expect("a time").seconds - 1_795_000_000;
            format!(
                "{at} {stage} {} {} {}",
                follow_up.outcome,
                state.warnings.len(),
                state.reason
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 1  2 ",
            "3600 1  0 ",
            "3600 2  0 ",
            "10800 5 late 0 ",
            "10800 5 late 0 INSTANCE_ENDED"
        ]
    );
    let everything = CountInstancesRequest::default();
    let counts = clients
        .operations
        .count_instances(everything)
        .await
        .expect("counted")
        .into_inner();
    assert!(counts.counts.is_empty(), "{counts:?}");
    check_refused_simulations(&mut clients, request).await;
}

/// Comes back every second, with some kilobytes to show.
fn restless(text_bytes: usize) -> String {
    let text = "x".repeat(text_bytes);
    format!(
        "format: 1
workflow: restless
title: Restless
on_new_call:
  - alert: {{ text: {text}, team: billing }}
  - alert: {{ text: {text}, team: billing }}
  - timer: 1s
    then: [ link: new-call ]
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_simulation_is_cut() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let wait = |seconds| SimulationStep {
        what: Some(What::Wait(prost_types::Duration { seconds, nanos: 0 })),
    };
    let day = SimulateWorkflowRequest {
        file: restless(10),
        steps: vec![wait(60), wait(86_400), wait(1)],
        ..SimulateWorkflowRequest::default()
    };
    let states = clients
        .definitions
        .simulate_workflow(day)
        .await
        .expect("tried")
        .into_inner()
        .states;
    let shown: Vec<(&str, i64)> = states
        .iter()
        .map(|state| {
            (
                state.reason.as_str(),
                state.at.expect("a time").seconds - states[0].at.expect("a time").seconds,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [("", 0), ("", 60), ("TOO_BUSY", 2_000)],
        "no step is done after that"
    );

    let much = SimulateWorkflowRequest {
        file: restless(4_000),
        steps: vec![wait(1); 1_000],
        ..SimulateWorkflowRequest::default()
    };
    let answer = clients
        .definitions
        .simulate_workflow(much)
        .await
        .expect("it fits a message")
        .into_inner();
    let bytes = prost::Message::encoded_len(&answer);
    assert!((3 << 20..(3 << 20) + 40_000).contains(&bytes), "{bytes}");
    let reasons: Vec<&str> = answer
        .states
        .iter()
        .map(|state| state.reason.as_str())
        .collect();
    assert_eq!(
        reasons
            .iter()
            .filter(|reason| !reason.is_empty())
            .collect::<Vec<_>>(),
        [&"TOO_LARGE"]
    );
    assert_eq!(reasons.last(), Some(&"TOO_LARGE"));
}
