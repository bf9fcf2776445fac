//! Saved views: filters with a name, of a person or of a team.

use std::sync::Arc;

use aftercall_engine::command::{RemoveView, SaveView};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::query::{FollowUpCount, ShouldStop};
use aftercall_engine::saved_view::{SavedView, ViewFilter, ViewOwner};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::view_service_server::ViewService;
use aftercall_serving::asked::Asked;

use crate::limits::VIEWS_LISTED_MAX;
use crate::reading::Lane;
use crate::service::ask::{Asking, Faults, filters, requests};
use crate::service::rpcs::rpcs;
use crate::service::say::{Refusal, convert};
use crate::service::shared::{Services, Shared};
use crate::service::view::{View, Who};

/// The service.
pub struct SavedViews(pub Arc<Services>);

rpcs! {
    ViewService for SavedViews {
        save_view(proto::SaveViewRequest) -> proto::SaveViewResponse = save;
        list_views(proto::ListViewsRequest) -> Ready<proto::ListViewsResponse> = list;
        remove_view(proto::RemoveViewRequest) -> proto::RemoveViewResponse = remove;
    }
}

async fn save(
    shared: &Shared,
    asked: Asked<proto::SaveViewRequest>,
) -> Result<proto::SaveViewResponse, Refusal> {
    let request = &asked.request;
    let filter = request.filter.clone().unwrap_or_default();
    let (_, mut faults) = filters::waiting(&shared.view(), &filter, shared.desk.country);
    let naming = [
        ("filter.calls", filter.calls.is_empty()),
        ("filter.phone", filter.phone.is_empty()),
        ("filter.reference", filter.reference.is_empty()),
    ];
    for (field, _) in naming.into_iter().filter(|(_, is_empty)| !is_empty) {
        faults.add(field, "must be empty: a saved view names no caller");
    }
    let command = SaveView {
        team: team(&request.team),
        name: request.view.trim().into(),
        filter: view_filter(&filter),
        expected: request.expected_revision,
    };
    let asking = Asking::of_person(&asked).with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    Ok(proto::SaveViewResponse {
        revision: answered.revision()?,
        sequence: answered.sequence,
    })
}

async fn remove(
    shared: &Shared,
    asked: Asked<proto::RemoveViewRequest>,
) -> Result<proto::RemoveViewResponse, Refusal> {
    let request = &asked.request;
    let command = RemoveView {
        team: team(&request.team),
        name: request.view.trim().into(),
        expected: request.expected_revision,
    };
    let answered = shared.execute(Asking::of_person(&asked), command).await?;
    Ok(proto::RemoveViewResponse {
        sequence: answered.sequence,
    })
}

async fn list(
    shared: &Shared,
    asked: Asked<proto::ListViewsRequest>,
) -> Result<Ready<proto::ListViewsResponse>, Refusal> {
    let request = asked.request;
    let mut faults = Faults::default();
    faults.check_count("teams", request.teams.len());
    let view = shared.view();
    let person = person(view.who(), &request.person, &mut faults);
    faults.check()?;
    let (as_of, country) = (shared.ledger.now(), shared.desk.country);
    let listed = move |view: &View, should_stop: ShouldStop<'_>| {
        let mut views = view.saved_views(&person, &request.teams);
        let more = views.len() > VIEWS_LISTED_MAX;
        views.truncate(VIEWS_LISTED_MAX);
        let mut shown: Vec<_> = views.iter().map(|one| shown(view, one)).collect();
        if !request.without_counts {
            let asked = shown.iter().map(|one| one.filter.as_ref());
            let filters: Vec<FollowUpFilter> = asked
                .map(|filter| {
                    filters::follow_ups(view, &filter.cloned().unwrap_or_default(), country).0
                })
                .collect();
            let counts = view.count_follow_ups(&filters, as_of, should_stop)?;
            for (one, count) in shown.iter_mut().zip(counts) {
                one.counts = Some(counted(count));
            }
        }
        Ok(proto::ListViewsResponse {
            views: shown,
            more,
            as_of: Some(convert::timestamp(as_of)),
            sequence: view.sequence(),
        })
    };
    shared.answer(Lane::Desk, view, listed).await
}

/// Whose own views are listed. Who has proved who they are gets their own.
fn person(who: &Who, named: &str, faults: &mut Faults) -> Who {
    let named = named.trim();
    if who.subject.is_none() {
        return Who {
            name: named.into(),
            subject: None,
            sees_batches: false,
        };
    }
    if !named.is_empty() && named != &*who.name {
        let message = format!("is not you: you are {}, leave it out", who.name);
        faults.add("person", message);
    }
    who.clone()
}

fn team(name: &str) -> Option<Box<str>> {
    (!name.is_empty()).then(|| name.into())
}

/// What is stored of a filter. Values that cannot be read have been refused.
fn view_filter(asked: &proto::FollowUpFilter) -> ViewFilter {
    ViewFilter {
        teams: requests::names(&asked.teams),
        customers: requests::names(&asked.customers),
        workflows: requests::names(&asked.workflows),
        stages: asked
            .stages
            .iter()
            .map(|one| (one.workflow.as_str().into(), one.stage))
            .collect(),
        priorities: requests::priorities(&asked.priorities, &mut Faults::default()),
        holders: requests::names(&asked.holders),
        unclaimed: asked.unclaimed,
        overdue: asked.overdue,
        text: asked.text.trim().into(),
    }
}

fn shown(view: &View, saved: &SavedView) -> proto::SavedView {
    let team = match saved.owner {
        ViewOwner::Team(place) => view.teams().at(place),
        ViewOwner::Person { .. } => None,
    };
    let filter = &saved.filter;
    let stage = |(workflow, stage): &(Box<str>, u32)| proto::WorkflowStage {
        workflow: workflow.to_string(),
        stage: *stage,
    };
    let priority = |one| convert::priority(one).into();
    proto::SavedView {
        name: saved.name.to_string(),
        team: team.map_or_else(String::new, |team| team.name.clone()),
        filter: Some(proto::FollowUpFilter {
            teams: texts(&filter.teams),
            customers: texts(&filter.customers),
            workflows: texts(&filter.workflows),
            stages: filter.stages.iter().map(stage).collect(),
            priorities: filter.priorities.iter().copied().map(priority).collect(),
            holders: texts(&filter.holders),
            unclaimed: filter.unclaimed,
            overdue: filter.overdue,
            text: filter.text.to_string(),
            ..proto::FollowUpFilter::default()
        }),
        revision: saved.revision,
        saved_by: saved.saved_by.name.to_string(),
        saved_at: Some(convert::timestamp(saved.saved_at)),
        counts: None,
    }
}

fn texts(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn counted(count: FollowUpCount) -> proto::ViewCounts {
    proto::ViewCounts {
        follow_ups: count.follow_ups,
        overdue: count.overdue,
    }
}
