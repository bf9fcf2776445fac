//! For people who write workflows. Reading and looking through a whole definition takes tens of
//! milliseconds where it is large: that is not for the threads that serve others.

mod building;
mod calendars;
mod definitions;
mod importing;
mod pictures;
mod publishing;
mod simulations;
mod teams;

use std::sync::Arc;

use aftercall_authoring::file::{self};
use aftercall_engine::command::ImportTeam;
use aftercall_engine::entry::DefinitionChange;
use aftercall_engine::query::{ShouldStop, zone_name};
use aftercall_engine::world::definitions::Version;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::workflow_definition_service_server::WorkflowDefinitionService;
use aftercall_serving::asked::Asked;

use crate::reading::Lane;
use crate::service::ask::{Asking, pages, requests};
use crate::service::authors::definitions::{
    describe, faults, find_team, named, no_version, pick, summary,
};
use crate::service::rpcs::rpcs;
use crate::service::say::{Refusal, convert};
use crate::service::shared::{Services, Shared};
use crate::service::view::View;

/// The service.
pub struct Definitions(pub Arc<Services>);

rpcs! {
    WorkflowDefinitionService for Definitions {
        import_workflow(proto::ImportWorkflowRequest) -> proto::ImportWorkflowResponse = importing::import;
        create_workflow(proto::CreateWorkflowRequest) -> proto::CreateWorkflowResponse = building::create;
        add_action(proto::AddActionRequest) -> proto::AddActionResponse = building::add;
        update_action(proto::UpdateActionRequest) -> proto::UpdateActionResponse = building::update;
        remove_action(proto::RemoveActionRequest) -> proto::RemoveActionResponse = building::remove;
        move_action(proto::MoveActionRequest) -> proto::MoveActionResponse = building::relocate;
        validate_workflow(proto::ValidateWorkflowRequest) -> proto::ValidateWorkflowResponse = validate_workflow;
        publish_workflow(proto::PublishWorkflowRequest) -> proto::PublishWorkflowResponse = publishing::publish;
        get_workflow(proto::GetWorkflowRequest) -> Ready<proto::GetWorkflowResponse> = get_workflow;
        list_workflows(proto::ListWorkflowsRequest) -> Ready<proto::ListWorkflowsResponse> = list_workflows;
        list_versions(proto::ListVersionsRequest) -> Ready<proto::ListVersionsResponse> = list_versions;
        export_workflow(proto::ExportWorkflowRequest) -> Ready<proto::ExportWorkflowResponse> = export_workflow;
        diff_versions(proto::DiffVersionsRequest) -> proto::DiffVersionsResponse = diff_versions;
        render_workflow(proto::RenderWorkflowRequest) -> proto::RenderWorkflowResponse = pictures::render;
        simulate_workflow(proto::SimulateWorkflowRequest) -> Ready<proto::SimulateWorkflowResponse> = simulations::simulate;
        archive_workflow(proto::ArchiveWorkflowRequest) -> proto::ArchiveWorkflowResponse = importing::archive;
        import_team(proto::ImportTeamRequest) -> proto::ImportTeamResponse = import_team;
        remove_team(proto::RemoveTeamRequest) -> proto::RemoveTeamResponse = teams::remove;
        get_team(proto::GetTeamRequest) -> proto::GetTeamResponse = get_team;
        list_teams(proto::ListTeamsRequest) -> proto::ListTeamsResponse = list_teams;
        import_calendar(proto::ImportCalendarRequest) -> proto::ImportCalendarResponse = calendars::import;
        get_calendar(proto::GetCalendarRequest) -> proto::GetCalendarResponse = get_calendar;
        list_calendars(proto::ListCalendarsRequest) -> Ready<proto::ListCalendarsResponse> = list_calendars;
    }
}

async fn validate_workflow(
    shared: &Shared,
    asked: Asked<proto::ValidateWorkflowRequest>,
) -> Result<proto::ValidateWorkflowResponse, Refusal> {
    let request = asked.request;
    let looked_through = move |view: &View| -> Result<_, Refusal> {
        let workflow = named(view, &request.name)?;
        let definition = if request.version == 0 {
            workflow
                .draft
                .as_ref()
                .or(workflow.versions.last().map(|version| &version.definition))
        } else {
            workflow
                .version(request.version)
                .map(|version| &version.definition)
        };
        Ok(faults(
            view,
            definition.ok_or_else(|| no_version(&request.name, request.version))?,
        ))
    };
    let faults = shared.off_thread(shared.view(), looked_through).await??;
    Ok(proto::ValidateWorkflowResponse { faults })
}

async fn get_workflow(
    shared: &Shared,
    asked: Asked<proto::GetWorkflowRequest>,
) -> Result<Ready<proto::GetWorkflowResponse>, Refusal> {
    let request = asked.request;
    let described = move |view: &View| {
        let (workflow, definition, version) =
            pick(view, &request.name, request.version, request.draft)?;
        let time_zone = zone_name(view.zone_beside_caller(definition)).to_owned();
        let workflow = Some(describe(definition, version, workflow.revision));
        Ok(proto::GetWorkflowResponse {
            workflow,
            time_zone,
        })
    };
    shared.answer_or_refuse(Lane::Desk, described).await
}

async fn list_workflows(
    shared: &Shared,
    asked: Asked<proto::ListWorkflowsRequest>,
) -> Result<Ready<proto::ListWorkflowsResponse>, Refusal> {
    let request = asked.request;
    let after = pages::read::<1>(shared, b"workflows", &request.page_token)?
        .map_or(0, |[after]| after as usize);
    let (of_list, rows) = (shared.clone(), pages::rows(request.page_size));
    let listed = move |view: &View| {
        let rest = view.workflows().by_name().enumerate().skip(after);
        let wanted = rest.filter(|(_, workflow)| request.include_archived || !workflow.archived);
        let page: Vec<_> = wanted.take(rows + 1).collect();
        let next = page.get(rows).map(|(place, _)| *place as u64);
        let workflows = page
            .into_iter()
            .take(rows)
            .map(|(_, workflow)| summary(workflow))
            .collect();
        let token = |next| pages::token(&of_list, b"workflows", &[next]);
        Ok(proto::ListWorkflowsResponse {
            workflows,
            next_page_token: next.map_or_else(String::new, token),
        })
    };
    shared.answer_or_refuse(Lane::Desk, listed).await
}

async fn list_versions(
    shared: &Shared,
    asked: Asked<proto::ListVersionsRequest>,
) -> Result<Ready<proto::ListVersionsResponse>, Refusal> {
    let request = asked.request;
    let list = [b"versions ", request.name.as_bytes()].concat();
    let of_list = shared.clone();
    let summary = |(version, number): (&Version, u32)| proto::VersionSummary {
        version: number,
        published_at: Some(convert::timestamp(version.published_at)),
        published_by: Some(convert::actor(&version.published_by)),
        stage_count: version.definition.stages.len() as u32,
    };
    let listed = move |view: &View| {
        let workflow = named(view, &request.name)?;
        let from = pages::read::<1>(&of_list, &list, &request.page_token)?
            .map_or(0, |[from]| from as usize);
        let numbers = (1..=workflow.newest()).rev();
        let newest_first = workflow
            .versions
            .iter()
            .rev()
            .zip(numbers)
            .map(summary)
            .enumerate();
        // Those that were published meanwhile move the older ones back: some come twice, none is
        // left out.
        let (versions, next) = pages::numbered(newest_first, from, usize::MAX);
        let next_page_token = next.map_or_else(String::new, |next| {
            pages::token(&of_list, &list, &[next as u64])
        });
        Ok(proto::ListVersionsResponse {
            versions,
            next_page_token,
        })
    };
    shared.answer_or_refuse(Lane::Desk, listed).await
}

async fn export_workflow(
    shared: &Shared,
    asked: Asked<proto::ExportWorkflowRequest>,
) -> Result<Ready<proto::ExportWorkflowResponse>, Refusal> {
    let request = asked.request;
    let mut faults = requests::Faults::default();
    faults.check_enum::<proto::FileFormat>("format", request.format);
    faults.check()?;
    let written = move |view: &View| {
        let (_, definition, _) = pick(view, &request.name, request.version, request.draft)?;
        let file = match request.format() {
            proto::FileFormat::Unspecified | proto::FileFormat::Yaml => {
                file::export_yaml(definition)
            }
            proto::FileFormat::Json => file::write_json(definition),
        };
        Ok(proto::ExportWorkflowResponse { file })
    };
    shared.answer_or_refuse(Lane::Heavy, written).await
}

async fn diff_versions(
    shared: &Shared,
    asked: Asked<proto::DiffVersionsRequest>,
) -> Result<proto::DiffVersionsResponse, Refusal> {
    let request = asked.request;
    let compared = move |view: &View, should_stop: ShouldStop<'_>| {
        pictures::differences(view, &request, should_stop)
    };
    shared.walk(Lane::Heavy, shared.view(), compared).await?
}

async fn import_team(
    shared: &Shared,
    asked: Asked<proto::ImportTeamRequest>,
) -> Result<proto::ImportTeamResponse, Refusal> {
    let asking = Asking::of_author(&asked);
    let request = asked.request;
    let command = ImportTeam {
        name: request.name.as_str().into(),
        title: request.title.as_str().into(),
        expected: request.expected_revision,
        claim_next_only: request.claim_next_only,
    };
    let answered = shared.execute(asking, command).await?;
    let changed = answered
        .entry
        .as_ref()
        .and_then(|entry| entry.definition.as_ref());
    let team = match changed {
        Some(DefinitionChange::Team(_, team)) => convert::team(team),
        _ => find_team(&answered.view, &request.name)?,
    };
    Ok(proto::ImportTeamResponse {
        team: Some(team),
        sequence: answered.sequence,
    })
}

async fn get_team(
    shared: &Shared,
    asked: Asked<proto::GetTeamRequest>,
) -> Result<proto::GetTeamResponse, Refusal> {
    let team = find_team(&shared.view(), &asked.request.name)?;
    Ok(proto::GetTeamResponse { team: Some(team) })
}

async fn list_teams(
    shared: &Shared,
    _: Asked<proto::ListTeamsRequest>,
) -> Result<proto::ListTeamsResponse, Refusal> {
    let teams = shared.view().teams().by_name().map(convert::team).collect();
    Ok(proto::ListTeamsResponse { teams })
}

async fn get_calendar(
    shared: &Shared,
    asked: Asked<proto::GetCalendarRequest>,
) -> Result<proto::GetCalendarResponse, Refusal> {
    let calendar = calendars::find(&shared.view(), &asked.request.name)?;
    Ok(proto::GetCalendarResponse {
        calendar: Some(calendar),
    })
}

async fn list_calendars(
    shared: &Shared,
    asked: Asked<proto::ListCalendarsRequest>,
) -> Result<Ready<proto::ListCalendarsResponse>, Refusal> {
    let token = asked.request.page_token;
    let from = pages::read::<1>(shared, b"calendars", &token)?.map_or(0, |[from]| from as usize);
    let of_list = shared.clone();
    let listed = move |view: &View| {
        let all = view
            .calendars()
            .by_name()
            .map(|calendar| calendars::shown(calendar))
            .enumerate();
        let (calendars, next) = pages::numbered(all, from, usize::MAX);
        let token = |next| pages::token(&of_list, b"calendars", &[next as u64]);
        Ok(proto::ListCalendarsResponse {
            calendars,
            next_page_token: next.map_or_else(String::new, token),
        })
    };
    shared.answer_or_refuse(Lane::Desk, listed).await
}
