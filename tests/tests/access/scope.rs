//! Every RPC of both servers, asked by identities with a scope: what is out of it is not found and
//! not shown, as if it did not exist.
//!
//! The cases are held against the descriptors: an RPC without a case fails.

mod acts;
mod cases;
mod tokens;
mod world;

use std::collections::BTreeSet;

use cases::{Case, Expected, cases};
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::Value;
use tonic::{Code, Status};
use world::World;

use crate::reason;

/// Fields by which a request names something in a scope, or an answer shows it.
const IN_SCOPE: [&str; 10] = [
    "call",
    "caller",
    "calls",
    "customer",
    "customers",
    "follow_up",
    "follow_ups",
    "instance_id",
    "instance_ids",
    "open_instances",
];

/// How deep the fields of messages are looked at.
const DEPTH: usize = 4;

/// The first field of a message, or of one in it, that is about something in a scope.
fn field_in_scope(message: &MessageDescriptor, depth: usize) -> Option<String> {
    message.fields().find_map(|field| {
        if IN_SCOPE.contains(&field.name()) {
            return Some(field.full_name().to_owned());
        }
        match field.kind() {
            Kind::Message(inner) if depth > 0 => field_in_scope(&inner, depth - 1),
            _ => None,
        }
    })
}

/// Whether an identity without the scope gets what it should.
fn is_right_outside(expected: &Expected, answer: &Result<Value, Status>) -> bool {
    match (expected, answer) {
        (Expected::Named | Expected::Shown(_), Err(status)) => status.code() == Code::NotFound,
        (Expected::Shown(marker) | Expected::OfWhole(marker), Ok(answer)) => {
            !answer.to_string().contains(marker)
        }
        (Expected::OfItem, Ok(answer)) => {
            let answer = answer.to_string();
            answer.contains("NO_SUCH_INSTANCE") && !answer.contains("followUp")
        }
        (Expected::WholeServer, Err(status)) => is_limited(status),
        (Expected::Unrelated(_) | Expected::Quiet, answer) => answer.is_ok(),
        _ => false,
    }
}

fn is_limited(status: &Status) -> bool {
    status.code() == Code::PermissionDenied && reason(status) == "SCOPE_LIMITED"
}

/// The same for an identity with the scope.
fn is_right_inside(expected: &Expected, answer: &Result<Value, Status>) -> bool {
    match (expected, answer) {
        (Expected::WholeServer, Err(status)) => is_limited(status),
        (Expected::OfWhole(marker), Ok(answer)) => !answer.to_string().contains(marker),
        (Expected::Shown(marker), Ok(answer)) => answer.to_string().contains(marker),
        (Expected::OfItem, Ok(answer)) => !answer.to_string().contains("NO_SUCH_INSTANCE"),
        (Expected::Named | Expected::Unrelated(_) | Expected::Quiet, answer) => answer.is_ok(),
        _ => false,
    }
}

/// The same for the control, an identity without a limit. The one inside was first, and may have
/// changed what is named.
fn is_right_without_limit(expected: &Expected, answer: &Result<Value, Status>) -> bool {
    match (expected, answer) {
        (Expected::Shown(marker) | Expected::OfWhole(marker), Ok(answer)) => {
            answer.to_string().contains(marker)
        }
        (Expected::Named | Expected::WholeServer, Err(status)) => {
            ![Code::NotFound, Code::PermissionDenied].contains(&status.code())
        }
        (_, answer) => answer.is_ok(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_out_of_scope_is_found_or_shown() {
    let world = World::start().await;
    let cases = cases(&world).await;
    let asked: BTreeSet<&str> = cases.iter().map(|case| case.method).collect();
    assert_eq!(asked, world.methods(), "each RPC has a case");
    let mut wrong = Vec::new();
    for case in &cases {
        let Case {
            method,
            request,
            expected,
        } = case;
        if matches!(expected, Expected::Unrelated("")) {
            let (input, output) = (world.method(method).input(), world.method(method).output());
            let field = field_in_scope(&input, DEPTH).or(field_in_scope(&output, DEPTH));
            assert_eq!(field, None, "{method} is about calls");
            continue;
        }
        let asks: [(&String, &str, IsRight); 4] = [
            (&world.outside[0], "of another customer", is_right_outside),
            (&world.outside[1], "of another team", is_right_outside),
            (&world.inside, "inside", is_right_inside),
            (&world.whole, "without a limit", is_right_without_limit),
        ];
        for (token, who, is_right) in asks {
            let answer = world.ask(token, method, request).await;
            if !is_right(expected, &answer) {
                wrong.push(format!("{method} {request}, {who}: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether an answer is what a case expects.
type IsRight = fn(&Expected, &Result<Value, Status>) -> bool;
