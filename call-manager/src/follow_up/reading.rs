//! What the servers know of a follow-up: itself, its call, why it waits, and the other work of its
//! caller.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::{
    Caller, ExplainInstanceRequest, ExplainInstanceResponse, FollowUp, GetCallDetailsRequest,
    GetFollowUpRequest, Note, Status,
};
use futures::future::join4;
use prost_types::FieldMask;
use tonic::Code;

use crate::callers::{Work, WorkOfCaller};
use crate::people::Person;
use crate::shares::Shares;
use crate::trouble::Trouble;

/// Other work of the caller that a follow-up shows.
const OTHERS_MAX: usize = 10;

/// A follow-up, and what is around it.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) one: FollowUp,
    /// Oldest first.
    pub(crate) notes: Vec<Note>,
    /// The zone in which times without one are meant.
    pub(crate) time_zone: String,
    /// The details of the call.
    pub(crate) details: BTreeMap<String, String>,
    /// What it waits for, since when, and who can move it: sentences of the server.
    pub(crate) sentences: Vec<String>,
    /// Other work of the same caller, the open ones first.
    pub(crate) others: Vec<Work>,
    /// The teams whose follow-ups the person gets only as the next one.
    pub(crate) shares: Shares,
}

impl Read {
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.one.status(), Status::Finished | Status::Cancelled)
    }
}

/// Reads a follow-up. What has ended is read too, but it has no notes and no details.
///
/// # Errors
/// [`Trouble`], if the follow-up itself cannot be read. What is around it may be missing: the page
/// is worth more without it than not at all.
pub(crate) async fn read(person: &Person, id: &str) -> Result<Read, Trouble> {
    let request = GetFollowUpRequest {
        instance_id: id.to_owned(),
        ..GetFollowUpRequest::default()
    };
    let answer = match person.desk().get_follow_up(request).await {
        Ok(answer) => answer.into_inner(),
        // Nobody works on what has ended, but people want to see how it ended.
        Err(status) if status.code() == Code::FailedPrecondition => {
            let explained = explained(person, id, &[]).await;
            let one = explained.instance.ok_or_else(|| Trouble::from(status))?;
            return Ok(Read {
                one,
                sentences: explained.sentences,
                ..Read::default()
            });
        }
        Err(status) => return Err(status.into()),
    };
    let one = answer.follow_up.ok_or(Trouble::NotFound)?;
    let caller = one.call.as_ref().and_then(|call| call.caller.clone());
    let (details, explained, others, shares) = join4(
        details(person, id),
        explained(person, id, &["instance_id"]),
        others(person, caller, id),
        Shares::of(person),
    )
    .await;
    let mut others = others.work;
    others.truncate(OTHERS_MAX);
    Ok(Read {
        one,
        notes: answer.notes,
        time_zone: answer.time_zone,
        details,
        sentences: explained.sentences,
        others,
        shares,
    })
}

fn fields(names: &[&str]) -> FieldMask {
    FieldMask {
        paths: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

async fn details(person: &Person, id: &str) -> BTreeMap<String, String> {
    let request = GetCallDetailsRequest {
        instance_id: id.to_owned(),
        read_mask: Some(fields(&["instance_id"])),
    };
    let answer = person.desk().get_call_details(request).await;
    let details = answer.map(|answer| answer.into_inner().details);
    details.unwrap_or_default().into_iter().collect()
}

async fn explained(person: &Person, id: &str, shown: &[&str]) -> ExplainInstanceResponse {
    let request = ExplainInstanceRequest {
        instance_id: id.to_owned(),
        read_mask: (!shown.is_empty()).then(|| fields(shown)),
    };
    let answer = person.operations().explain_instance(request).await;
    answer.map_or_else(
        |_| ExplainInstanceResponse::default(),
        tonic::Response::into_inner,
    )
}

async fn others(person: &Person, caller: Option<Caller>, id: &str) -> WorkOfCaller {
    let Some(caller) = caller else {
        return WorkOfCaller::default();
    };
    let is_named = [&caller.reference, &caller.phone, &caller.email]
        .into_iter()
        .any(|text| !text.is_empty());
    if !is_named {
        return WorkOfCaller::default();
    }
    let found = WorkOfCaller::read(person, caller, "").await;
    let mut found = found.unwrap_or_default();
    found.work.retain(|work| work.one.instance_id != id);
    found
}
