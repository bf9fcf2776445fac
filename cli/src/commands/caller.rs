//! `aftercall open`, `chase`, `caller`: the caller calls again.
//!
//! Promise: what the agent can read out comes first. Must not: judge who the caller is.

use aftercall_proto::workflow::v1::{
    CallRef, CallWithFollowUps, Caller, ChaseRequest, ListCallsOfCallerRequest,
    ListOpenFollowUpsRequest, OpenFollowUp,
};
use clap::Args;

use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, whole};
use crate::values::{call_name, parse_call};
use crate::{connect, time, wording};

const CALLS: Table<'_> = Table {
    columns: &[
        id("call"),
        name("customer", 5),
        whole("began", 4),
        id("follow-up"),
        name("workflow", 2),
        name("status", 1),
        name("stage", 3),
    ],
    empty: "No call of this caller is known.",
};

commands! {
    Callers:
    /// List what is open for a call or a caller, in words to read out
    Open(Open),
    /// Record that the caller has asked about a follow-up again
    Chase(Chase),
    /// Show the calls of one caller with their follow-ups
    Caller(OfCaller),
}

/// What the caller is known by.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct KnownBy {
    /// The caller's own reference at the customer
    #[arg(long, value_name = "REFERENCE")]
    reference: Option<String>,
    /// The telephone number, however it is written
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// The mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

impl KnownBy {
    pub(super) fn caller(self) -> Option<Caller> {
        let is_given = self.reference.is_some() || self.phone.is_some() || self.email.is_some();
        let caller = Caller {
            reference: self.reference.unwrap_or_default(),
            phone: self.phone.unwrap_or_default(),
            email: self.email.unwrap_or_default(),
            ..Caller::default()
        };
        is_given.then_some(caller)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall open --call scripts/1001
  aftercall open --phone '+44 20 7946 0001' --customer acme")]
pub(crate) struct Open {
    /// For this call
    #[arg(long, value_name = "SOURCE/ID", value_parser = parse_call)]
    call: Option<CallRef>,
    #[command(flatten)]
    known_by: KnownBy,
    /// Only of this customer
    #[arg(
        long,
        value_name = "CUSTOMER",
        default_value = "",
        hide_default_value = true
    )]
    customer: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall chase ID --note 'asks when the money comes'")]
pub(crate) struct Chase {
    /// Which follow-up
    id: String,
    /// What the caller said
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall caller --reference C-77120")]
pub(crate) struct OfCaller {
    #[command(flatten)]
    known_by: KnownBy,
    /// Only calls of this customer
    #[arg(
        long,
        value_name = "CUSTOMER",
        default_value = "",
        hide_default_value = true
    )]
    customer: String,
}

impl Open {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListOpenFollowUpsRequest {
            call: self.call,
            caller: self.known_by.caller(),
            customer: self.customer,
            read_mask: session.read_mask(&["instance_id"]),
        };
        let answer = session
            .to
            .scripts()
            .await?
            .list_open_follow_ups(request)
            .await?
            .into_inner();
        session
            .output
            .paragraphs(&answer.follow_ups, "Nothing is open.", to_read_out)?;
        if answer.more {
            remark("There are older ones.");
        }
        Ok(())
    }
}

impl Chase {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ChaseRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            note: self.note,
            read_mask: session.read_mask(&["instance_id"]),
        };
        let answer = session
            .to
            .scripts()
            .await?
            .chase(request)
            .await?
            .into_inner();
        session.output.one(&answer, || vec![answer.words.clone()])
    }
}

impl OfCaller {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListCallsOfCallerRequest {
            caller: self.known_by.caller(),
            customer: self.customer,
            read_mask: session.read_mask(&["workflow", "status", "outcome", "stage", "last_stage"]),
        };
        let answer = session
            .to
            .calls()
            .await?
            .list_calls_of_caller(request)
            .await?
            .into_inner();
        session.output.list_of_groups(&answer.calls, &CALLS, rows)?;
        if answer.more {
            remark("There are older ones.");
        }
        Ok(())
    }
}

/// The words have a line of their own: the agent reads them out.
fn to_read_out(open: &OpenFollowUp) -> Vec<String> {
    let id = open
        .follow_up
        .as_ref()
        .map(|follow_up| follow_up.instance_id.clone())
        .unwrap_or_default();
    let promised = time::in_zone(open.promised_by.as_ref(), &open.time_zone);
    let promised = if promised.is_empty() {
        promised
    } else {
        format!("  promised by {promised}")
    };
    vec![format!("{id}{promised}"), format!("  {}", open.words)]
}

/// A row a follow-up; a call without any has a row of its own.
fn rows(of_call: &CallWithFollowUps) -> Vec<Vec<String>> {
    let call = of_call.call.clone().unwrap_or_default();
    let of_row = |rest: [String; 4]| {
        let about = [
            call_name(call.r#ref.as_ref()),
            call.customer.clone(),
            time::local(call.created_at.as_ref()),
        ];
        about.into_iter().chain(rest).collect::<Vec<_>>()
    };
    if of_call.follow_ups.is_empty() {
        return vec![of_row([const { String::new() }; 4])];
    }
    let row = |follow_up: &aftercall_proto::workflow::v1::FollowUp| {
        of_row([
            follow_up.instance_id.clone(),
            follow_up.workflow.clone(),
            wording::ending(follow_up.status(), &follow_up.outcome),
            wording::stage_of(follow_up),
        ])
    };
    of_call.follow_ups.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_needs_one_way_to_be_found() {
        let none = || KnownBy {
            reference: None,
            phone: None,
            email: None,
        };
        assert_eq!(none().caller(), None);
        let by_phone = KnownBy {
            phone: Some("1".to_owned()),
            ..none()
        };
        assert_eq!(
            by_phone.caller(),
            Some(Caller {
                phone: "1".to_owned(),
                ..Caller::default()
            })
        );
    }

    #[test]
    fn a_call_without_follow_ups_has_a_row() {
        let rows = rows(&CallWithFollowUps::default());
        assert_eq!((rows.len(), rows[0].len()), (1, 7));
    }
}
