//! `aftercall call`: shows a call, reports its end, or sets whether it is chargeable.
//!
//! Promise: hidden and ended follow-ups of the call are shown too. Must not: list other people's
//! calls.

use aftercall_proto::workflow::v1::{
    Call as CallMessage, CallProperties, CallRef, EndCallRequest, GetCallRequest, UpdateCallRequest,
};
use clap::{Subcommand, ValueEnum};
use prost_types::FieldMask;

use crate::errors::Failure;
use crate::session::Session;
use crate::values::{call_name, parse_call};
use crate::{connect, time, wording};

#[derive(Debug, Subcommand)]
pub(crate) enum Call {
    /// Show a call with its details and its follow-ups
    #[command(after_help = "Example:\n  aftercall call show scripts/1001")]
    Show {
        /// Which call
        #[arg(value_name = "SOURCE/ID", value_parser = parse_call)]
        call: CallRef,
    },
    /// Report that a call has ended, which releases what waits for it
    #[command(after_help = "Example:\n  aftercall call end scripts/1001")]
    End {
        /// Which call
        #[arg(value_name = "SOURCE/ID", value_parser = parse_call)]
        call: CallRef,
        /// Also for a call that the server does not know, as a script engine may report it before
        /// its first workflow
        #[arg(long)]
        create: bool,
    },
    /// Set whether a call is chargeable; only then Call Managers see its follow-ups
    #[command(after_help = "Example:\n  aftercall call chargeable scripts/1001 yes")]
    Chargeable {
        /// Which call
        #[arg(value_name = "SOURCE/ID", value_parser = parse_call)]
        call: CallRef,
        /// true or false
        #[arg(value_enum)]
        chargeable: YesNo,
        /// Also for a call that the server does not know
        #[arg(long)]
        create: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

impl Call {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Show { call } => show(session, call).await,
            Self::End { call, create } => {
                known(session, &call, create).await?;
                end(session, call).await
            }
            Self::Chargeable {
                call,
                chargeable,
                create,
            } => {
                known(session, &call, create).await?;
                set_chargeable(session, call, chargeable == YesNo::Yes).await
            }
        }
    }
}

async fn show(session: &Session, call: CallRef) -> Result<(), Failure> {
    let answer = session
        .to
        .scripts()
        .await?
        .get_call(GetCallRequest {
            call: Some(call),
            read_mask: None,
        })
        .await?
        .into_inner();
    session.output.one(&answer, || {
        let mut lines = answer.call.as_ref().map(page).unwrap_or_default();
        let mut details: Vec<_> = answer
            .details
            .iter()
            .map(|(name, value)| format!("  {name}: {value}"))
            .collect();
        details.sort();
        lines.extend(details);
        lines.extend(answer.follow_ups.iter().map(|follow_up| {
            let state = wording::ending(follow_up.status(), &follow_up.outcome);
            let hidden = if follow_up.visible || follow_up.ended_at.is_some() {
                ""
            } else {
                " (hidden)"
            };
            let stage = wording::stage_of(follow_up);
            format!(
                "{}  {}  stage {stage}  {state}{hidden}",
                follow_up.instance_id, follow_up.workflow
            )
        }));
        lines
    })
}

fn page(call: &CallMessage) -> Vec<String> {
    let chargeable = if call.chargeable {
        "chargeable"
    } else {
        "not chargeable"
    };
    let state = if call.ended {
        format!("ended {}", time::local(call.ended_at.as_ref()))
    } else {
        "running".to_owned()
    };
    let mut lines = vec![format!(
        "{}  {}  {chargeable}, {state}",
        call_name(call.r#ref.as_ref()),
        call.customer
    )];
    if let Some(caller) = &call.caller {
        let known = [
            &caller.name,
            &caller.phone,
            &caller.email,
            &caller.reference,
        ];
        let known: Vec<_> = known
            .into_iter()
            .filter(|text| !text.is_empty())
            .cloned()
            .collect();
        lines.push(format!("caller: {}", known.join(", ")));
    }
    lines
}

async fn end(session: &Session, call: CallRef) -> Result<(), Failure> {
    let request = EndCallRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        call: Some(call.clone()),
    };
    let answer = session
        .to
        .scripts()
        .await?
        .end_call(request)
        .await?
        .into_inner();
    session.output.one(&answer, || {
        let mut lines = vec![format!("{} has ended.", call_name(Some(&call)))];
        lines.extend(
            answer
                .released_instance_ids
                .iter()
                .map(|id| format!("released {id}")),
        );
        lines
    })
}

/// Refuses a call that the server does not know, unless it may be created: a mistyped id would make
/// a call of its own.
async fn known(session: &Session, call: &CallRef, create: bool) -> Result<(), Failure> {
    if create {
        return Ok(());
    }
    let asked = session
        .to
        .scripts()
        .await?
        .get_call(GetCallRequest {
            call: Some(call.clone()),
            read_mask: Some(connect::read_mask(&["instance_id"])),
        })
        .await;
    match asked {
        Err(status) if status.code() == tonic::Code::NotFound => Err(Failure::from(status)
            .advise("If the server is to know the call from now on, add --create.")),
        asked => Ok(asked.map(drop)?),
    }
}

async fn set_chargeable(session: &Session, call: CallRef, chargeable: bool) -> Result<(), Failure> {
    let request = UpdateCallRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        call: Some(call),
        properties: Some(CallProperties {
            chargeable: Some(chargeable),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["chargeable".to_owned()],
        }),
        expected_revision: None,
    };
    let answer = session
        .to
        .scripts()
        .await?
        .update_call(request)
        .await?
        .into_inner();
    session.output.one(&answer, || {
        answer.call.as_ref().map(page).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_shows_whether_it_is_chargeable() {
        let call = CallMessage {
            r#ref: Some(CallRef {
                source: "scripts".to_owned(),
                id: "1".to_owned(),
            }),
            customer: "acme".to_owned(),
            ..Default::default()
        };
        assert_eq!(page(&call), ["scripts/1  acme  not chargeable, running"]);
    }
}
