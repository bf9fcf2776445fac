//! A workflow and calls that many tests use.

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{CallProperties, CallRef, Caller, SetWorkflowRequest, Value};

/// A refund over the limit: approve or reject, then pay out; "Ask again" leads back to the start.
pub const REFUND: &str = r#"
format: 1
workflow: refund
title: Refund over the limit
deadline: 5d
fields:
  amount: { type: number, required: true }
  order: { type: text }
on_new_call:
  - alert: { text: "Refund {{ fields.amount }} for {{ call.caller.name }}", team: billing, priority: high, due: 4h }
  - button: Approve
    then:
      - alert: { text: Pay out, team: payments, due: 1d }
      - button: Paid
        form: { reference: { type: text, required: true } }
        then: [ finish: paid ]
      - button: Ask again
        then: [ link: new-call ]
  - button: Reject
    note: required
    then: [ finish: rejected ]
"#;

/// A call of the source `test`.
pub fn call_ref(id: impl Into<String>) -> CallRef {
    CallRef {
        source: "test".to_owned(),
        id: id.into(),
    }
}

/// A number as a value.
pub fn number(number: f64) -> Value {
    Value {
        kind: Some(Kind::Number(number)),
    }
}

/// Text as a value.
pub fn text(text: &str) -> Value {
    Value {
        kind: Some(Kind::Text(text.to_owned())),
    }
}

/// Sets the refund on a chargeable call.
pub fn set_refund(call: impl Into<String>, amount: f64) -> SetWorkflowRequest {
    SetWorkflowRequest {
        actor: "script-1".to_owned(),
        call: Some(call_ref(call)),
        properties: Some(CallProperties {
            customer: "Northwind".to_owned(),
            caller: Some(Caller {
                name: "Ada".to_owned(),
                ..Caller::default()
            }),
            chargeable: Some(true),
            ..CallProperties::default()
        }),
        workflow: "refund".to_owned(),
        fields: [("amount".to_owned(), number(amount))].into(),
        ..SetWorkflowRequest::default()
    }
}
