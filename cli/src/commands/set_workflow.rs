//! `aftercall set-workflow`: what the Set Workflow control of a call script does.
//!
//! Promise: field values take the types that the workflow declares. Must not: invent anything about
//! the call.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercall_proto::workflow::v1::{
    CallProperties, CallRef, Caller, FieldDeclaration, FieldType, GetCallRequest,
    GetWorkflowRequest, IfRunning, Release, SetWorkflowRequest, SetWorkflowResponse, Value,
};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::values::{self, parse_call, parse_pair};
use crate::{connect, time, wording};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall set-workflow refund --call scripts/1001 --customer acme --caller-name 'Ann Lee' --chargeable --field amount=120
  aftercall set-workflow call-back --call scripts/1002 --customer acme --caller-name 'Ann Lee' --caller-phone '+44 20 7946 0001' \
      --chargeable --field topic=bill --release call-ended --release-within 2h")]
pub(crate) struct SetWorkflow {
    /// The workflow's name
    workflow: String,
    /// The call it is set on
    #[arg(long, value_name = "SOURCE/ID", value_parser = parse_call)]
    call: CallRef,
    /// The company for which the call is handled
    #[arg(long)]
    customer: String,
    /// The caller's name
    #[arg(long, value_name = "NAME")]
    caller_name: Option<String>,
    /// The number they call from
    #[arg(long, value_name = "NUMBER")]
    caller_phone: Option<String>,
    /// The caller's own reference at the customer
    #[arg(long, value_name = "REFERENCE")]
    caller_reference: Option<String>,
    /// Where the caller is, such as Europe/Berlin: snoozing and times without a zone count by it
    #[arg(long, value_name = "ZONE")]
    caller_time_zone: Option<String>,
    /// The call is chargeable: only then Call Managers see the follow-up
    #[arg(long)]
    chargeable: bool,
    /// A field of the workflow; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = parse_pair)]
    fields: Vec<(String, String)>,
    /// Anything else worth knowing about the call; may be repeated
    #[arg(long = "detail", value_name = "NAME=VALUE", value_parser = parse_pair)]
    details: Vec<(String, String)>,
    /// This version instead of the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
    /// When the follow-up is released; if not given, a new one at once, and one that waits for the
    /// end of its call then
    #[arg(long, value_enum)]
    release: Option<ReleaseChoice>,
    /// With --release call-ended: released after this time at the latest
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span, requires = "release")]
    release_within: Option<Duration>,
    /// What to do if this workflow still runs on the call
    #[arg(long, value_enum, default_value = "return")]
    if_running: IfRunningChoice,
    /// Makes a retry safe: the same id returns the first answer
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReleaseChoice {
    /// At once
    Immediately,
    /// When the script says that the call has ended
    CallEnded,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IfRunningChoice {
    /// Return the one that runs, with its fields updated
    Return,
    /// Refuse
    Refuse,
    /// Cancel it and start a new one
    Replace,
}

impl SetWorkflow {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = self.request(session).await?;
        let request_id = request.request_id.clone();
        let times: Vec<_> = values::times(&request.fields).collect();
        let answer = session.to.scripts().await?.set_workflow(request).await;
        let answer = answer
            .map_err(|status| unsure(status, &request_id))?
            .into_inner();
        for warning in &answer.warnings {
            remark(&format!("warning: {warning}"));
        }
        session.output.one(&answer, || page(&answer, &times, now))
    }

    async fn request(self, session: &Session) -> Result<SetWorkflowRequest, Failure> {
        let release = match self.release {
            None => Release::Unspecified,
            Some(ReleaseChoice::Immediately) => Release::Immediately,
            Some(ReleaseChoice::CallEnded) => Release::CallEnded,
        };
        if self.release_within.is_some() && self.release == Some(ReleaseChoice::Immediately) {
            return Err(Failure::usage(
                "--release-within goes with --release call-ended.",
            ));
        }
        let if_running = match self.if_running {
            IfRunningChoice::Return => IfRunning::ReturnIt,
            IfRunningChoice::Refuse => IfRunning::Refuse,
            IfRunningChoice::Replace => IfRunning::Replace,
        };
        let version = self.version.unwrap_or(0);
        let fields = self.typed_fields(session, version).await?;
        let caller = Caller {
            name: self.caller_name.unwrap_or_default(),
            phone: self.caller_phone.unwrap_or_default(),
            reference: self.caller_reference.unwrap_or_default(),
            time_zone: self.caller_time_zone.unwrap_or_default(),
            ..Default::default()
        };
        Ok(SetWorkflowRequest {
            request_id: self.request_id.unwrap_or_else(connect::request_id),
            actor: session.to.actor.clone(),
            call: Some(self.call),
            properties: Some(CallProperties {
                customer: self.customer,
                caller: Some(caller),
                chargeable: self.chargeable.then_some(true),
                details: self.details.into_iter().collect(),
                ..Default::default()
            }),
            workflow: self.workflow,
            version,
            fields,
            release: release.into(),
            release_within: self.release_within.map(time::proto_span),
            if_running: if_running.into(),
            read_mask: None,
        })
    }

    async fn typed_fields(
        &self,
        session: &Session,
        version: u32,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        if self.fields.is_empty() {
            return Ok(BTreeMap::new());
        }
        let request = GetWorkflowRequest {
            name: self.workflow.clone(),
            version,
            draft: false,
        };
        let answer = session
            .to
            .definitions()
            .await?
            .get_workflow(request)
            .await?
            .into_inner();
        let declared = answer.workflow.unwrap_or_default().fields;
        let has_bare_time = self.fields.iter().any(|(name, text)| {
            let is_time =
                |field: &FieldDeclaration| field.name == *name && field.r#type() == FieldType::Time;
            declared.iter().any(is_time) && !time::is_moment(text)
        });
        let zone = if has_bare_time {
            self.zone(session, &answer.time_zone).await?
        } else {
            TimeZone::UTC
        };
        values::typed(&self.fields, &declared, (&self.workflow, &zone))
    }

    /// By whose clock a time without a zone is meant: the caller's, as it is given or known, else
    /// the one of the workflow.
    async fn zone(&self, session: &Session, of_workflow: &str) -> Result<TimeZone, Failure> {
        let mut name = self.caller_time_zone.clone().unwrap_or_default();
        if name.is_empty() {
            let known = session
                .to
                .scripts()
                .await?
                .get_call(GetCallRequest {
                    call: Some(self.call.clone()),
                    read_mask: None,
                })
                .await;
            name = match known {
                Ok(answer) => {
                    answer
                        .into_inner()
                        .call
                        .and_then(|call| call.caller)
                        .unwrap_or_default()
                        .time_zone
                }
                Err(status) if status.code() == tonic::Code::NotFound => String::new(),
                Err(status) => return Err(status.into()),
            };
        }
        let name = if name.is_empty() { of_workflow } else { &name };
        values::zone(name)
    }
}

/// Without an answer it is unknown whether the change happened. The request id finds out.
fn unsure(status: tonic::Status, request_id: &str) -> Failure {
    let open = matches!(
        status.code(),
        tonic::Code::Unavailable | tonic::Code::DeadlineExceeded
    );
    let failure = Failure::from(status);
    if open {
        failure.advise(&format!("Repeat it with --request-id {request_id}."))
    } else {
        failure
    }
}

/// `times`: the values that are times, which may have been given without a zone.
fn page(
    answer: &SetWorkflowResponse,
    times: &[(String, prost_types::Timestamp)],
    now: Timestamp,
) -> Vec<String> {
    let follow_up = answer.follow_up.clone().unwrap_or_default();
    let done = if answer.started {
        "Set"
    } else {
        "Already running"
    };
    let mut lines = vec![format!(
        "{done}: {} {}",
        follow_up.instance_id, follow_up.workflow
    )];
    match follow_up.stage {
        Some(_) => lines.push(format!("stage {}", wording::stage_of(&follow_up))),
        None => lines.push(wording::status(follow_up.status()).to_owned()),
    }
    if !answer.updated_fields.is_empty() {
        lines.push(format!("updated: {}", answer.updated_fields.join(", ")));
    }
    if answer.promise_by.is_some() {
        let by = time::in_zone(answer.promise_by.as_ref(), &answer.time_zone);
        lines.push(format!("promise the caller an answer by {by}"));
    }
    lines.extend(
        times
            .iter()
            .map(|(name, at)| values::echo(name, at, &answer.time_zone, now)),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_answer_names_the_request_id() {
        let failure = unsure(tonic::Status::unavailable("draining"), "r-7");
        assert!(
            failure
                .sentence()
                .ends_with("Repeat it with --request-id r-7.")
        );
        let refused = unsure(tonic::Status::invalid_argument("empty"), "r-7");
        assert!(!refused.sentence().contains("r-7"));
    }

    #[test]
    fn the_output_shows_whether_it_started() {
        let answer = SetWorkflowResponse {
            started: false,
            updated_fields: vec!["amount".to_owned()],
            ..Default::default()
        };
        let lines = page(&answer, &[], Timestamp::UNIX_EPOCH);
        assert!(lines[0].starts_with("Already running"));
        assert!(lines.contains(&"updated: amount".to_owned()));
    }
}
