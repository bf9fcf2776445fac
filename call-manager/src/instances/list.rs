//! The list of instances, by a filter or of one caller.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    Caller, CountInstancesRequest, CountInstancesResponse, FollowUp, ListCallsOfCallerRequest,
    ListInstancesRequest, ListWorkflowsRequest, Status,
};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use prost_types::FieldMask;

use crate::frame::{Frame, Here};
use crate::instances::filter::{Asked, Pairs, text};
use crate::instances::stages::stages;
use crate::layout::html;
use crate::people::Person;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words::instances::InstancesWords;

/// Rows of a page.
const PAGE_SIZE: u32 = 100;

/// What a row shows.
const ROW: [&str; 11] = [
    "workflow",
    "workflow_title",
    "version",
    "status",
    "stage",
    "call.caller",
    "call.customer",
    "started_at",
    "due",
    "claim",
    "outcome",
];

/// The states that can be chosen.
pub(crate) const STATUSES: [Status; 6] = [
    Status::Active,
    Status::Paused,
    Status::Incomplete,
    Status::WaitingForCallEnd,
    Status::Finished,
    Status::Cancelled,
];

/// The fields of rows, for requests.
pub(crate) fn row_mask() -> FieldMask {
    FieldMask {
        paths: ROW.map(str::to_owned).into(),
    }
}

#[derive(Template)]
#[template(path = "instances/list.html")]
struct List<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_change: bool,
    asked: &'a Asked,
    /// The caller whose instances are listed; empty for the filter.
    of_caller: &'a str,
    /// The names of workflows, to choose from.
    workflows: Vec<String>,
    /// The stages of the chosen workflow: number and title.
    stages: Vec<(u32, String)>,
    instances: Vec<FollowUp>,
    next_page_token: String,
    counts: CountInstancesResponse,
    why: String,
}

impl List<'_> {
    fn statuses(&self) -> Vec<(&str, &str, bool)> {
        let chosen = self.asked.get("status");
        let named = |status: Status| {
            let name = status.as_str_name();
            (name, self.w.status(status), name == chosen)
        };
        STATUSES.map(named).into()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.asked.get(name) == value
    }

    fn page(&self) -> String {
        let token: String =
            form_urlencoded::byte_serialize(self.next_page_token.as_bytes()).collect();
        format!("{}&page={token}", self.asked.query())
    }
}

/// The caller of an instance as lists show them.
pub(crate) fn caller_of(one: &FollowUp) -> &str {
    let person = one.call.as_ref().and_then(|call| call.caller.as_ref());
    person.map_or("", |person| {
        let texts = [&person.name, &person.phone, &person.reference];
        let mut texts = texts.into_iter().filter(|text| !text.is_empty());
        texts.next().map_or("", String::as_str)
    })
}

/// The roles that may change instances.
pub(crate) const CHANGERS: [Role; 2] = [Role::Operator, Role::Supervisor];

/// `GET /instances`.
pub(crate) async fn list(visit: Visit, Query(pairs): Query<Pairs>) -> Response {
    visit.answer(listed(&visit, &pairs).await)
}

async fn listed(visit: &Visit, pairs: &Pairs) -> Result<Response, Trouble> {
    let person = &visit.person;
    let asked = Asked::of(pairs);
    let of_caller = text(pairs, "caller");
    let (workflows, stages) = choices(person, &asked).await?;
    let mut page = List {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_change: person.may(&CHANGERS),
        asked: &asked,
        of_caller,
        workflows,
        stages,
        instances: Vec::new(),
        next_page_token: String::new(),
        counts: CountInstancesResponse::default(),
        why: String::new(),
    };
    let filter = match asked.filter() {
        Ok(filter) => filter,
        Err(trouble) => {
            page.why = trouble.sentence(visit.words);
            return Ok(html(&page));
        }
    };
    if !of_caller.is_empty() {
        page.instances = instances_of(person, of_caller).await?;
        return Ok(html(&page));
    }
    let request = ListInstancesRequest {
        filter: Some(filter.clone()),
        page_size: PAGE_SIZE,
        page_token: text(pairs, "page").to_owned(),
        read_mask: Some(row_mask()),
    };
    let listed = person.operations().list_instances(request).await?;
    let listed = listed.into_inner();
    page.instances = listed.instances;
    page.next_page_token = listed.next_page_token;
    if !filter.archived {
        let request = CountInstancesRequest {
            filter: Some(filter),
            ..CountInstancesRequest::default()
        };
        let counted = person.operations().count_instances(request).await?;
        page.counts = counted.into_inner();
    }
    Ok(html(&page))
}

/// The names of workflows, and the stages of the chosen one: number and title.
async fn choices(
    person: &Person,
    asked: &Asked,
) -> Result<(Vec<String>, Vec<(u32, String)>), Trouble> {
    let request = ListWorkflowsRequest::default();
    let workflows = person.definitions().list_workflows(request).await?;
    let workflows = workflows.into_inner().workflows.into_iter();
    let workflow = asked.get("workflow");
    let version = asked.get("version").parse().unwrap_or_default();
    // A name that no workflow has finds no instance either.
    let stages = match workflow {
        "" => Vec::new(),
        name => stages(person, name, version).await.unwrap_or_default(),
    };
    Ok((workflows.map(|one| one.name).collect(), stages))
}

/// The instances on the calls of a caller, who is known by a number, a mail address or a reference.
async fn instances_of(person: &Person, known_by: &str) -> Result<Vec<FollowUp>, Trouble> {
    let request = ListCallsOfCallerRequest {
        caller: Some(known(known_by)),
        read_mask: Some(row_mask()),
        ..ListCallsOfCallerRequest::default()
    };
    let calls = person.desk().list_calls_of_caller(request).await?;
    let calls = calls.into_inner().calls.into_iter();
    Ok(calls.flat_map(|call| call.follow_ups).collect())
}

/// The caller that a text means.
pub(crate) fn known(by: &str) -> Caller {
    let by = by.trim().to_owned();
    let is_number = |sign: char| sign.is_ascii_digit() || " +-/().".contains(sign);
    let mut person = Caller::default();
    if by.contains('@') {
        person.email = by;
    } else if by.chars().all(is_number) {
        person.phone = by;
    } else {
        person.reference = by;
    }
    person
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_an_address_or_a_reference_finds_a_caller() {
        assert_eq!(known("+49 (0)30 1234").phone, "+49 (0)30 1234");
        assert_eq!(known(" ada@example.com ").email, "ada@example.com");
        assert_eq!(known("C-1004").reference, "C-1004");
    }
}
