//! What differs between versions, and pictures of them.

use std::collections::BTreeMap;

use aftercall_authoring::diff::{diff, vanished};
use aftercall_authoring::graph::{Graph, Trail, dot, mermaid, svg, text};
use aftercall_definition::{Definition, Stage};
use aftercall_engine::instance::Instance;
use aftercall_engine::query::{ShouldStop, Stopped};
use aftercall_engine::world::definitions::Workflow;
use aftercall_identity::Act;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::limits::READ_TIME_MAX;
use crate::reading::{Lane, ReadError};
use crate::service::acts;
use crate::service::archived;
use crate::service::authors::definitions::{no_version, pick};
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

pub(crate) fn differences(
    view: &View,
    request: &proto::DiffVersionsRequest,
    should_stop: ShouldStop<'_>,
) -> Result<Result<proto::DiffVersionsResponse, Refusal>, Stopped> {
    let (workflow, new, versions, differences) = match compared(view, request) {
        Ok(compared) => compared,
        Err(refused) => return Ok(Err(refused)),
    };
    let vanished = gone(view, workflow, new, should_stop)?;
    let (from_version, to_version) = versions;
    Ok(Ok(proto::DiffVersionsResponse {
        from_version,
        to_version,
        differences,
        vanished,
    }))
}

/// A workflow, its newer definition, the two versions, and what differs.
type Compared<'r> = (&'r Workflow, &'r Definition, (u32, u32), Vec<String>);

fn compared<'r>(
    names: &'r Names,
    request: &proto::DiffVersionsRequest,
) -> Result<Compared<'r>, Refusal> {
    let (workflow, new, to_version) =
        pick(names, &request.name, request.to_version, request.to_draft)?;
    let before = if to_version == 0 {
        workflow.newest()
    } else {
        to_version - 1
    };
    let from_version = if request.from_version == 0 {
        before
    } else {
        request.from_version
    };
    let old = match from_version {
        0 => None,
        number => {
            let found = workflow
                .version(number)
                .ok_or_else(|| no_version(&request.name, number))?;
            Some(&*found.definition)
        }
    };
    let differences = old.map_or_else(
        || vec!["everything is new".to_owned()],
        |old| diff(old, new),
    );
    Ok((workflow, new, (from_version, to_version), differences))
}

/// The stages in which open instances stand and that this definition does not have.
pub(crate) fn gone(
    view: &View,
    workflow: &Workflow,
    new: &Definition,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<proto::VanishedStage>, Stopped> {
    let standing = view.open_by_stage(&workflow.name, should_stop)?;
    let mut found: BTreeMap<u32, (Stage, u64)> = BTreeMap::new();
    for ((version, number), count) in standing {
        let Some(version) = workflow.version(version) else {
            continue;
        };
        if let Some(stage) = version
            .definition
            .stage(number)
            .filter(|_| vanished(&version.definition, new).contains(&number))
        {
            found.entry(number).or_insert_with(|| (stage.clone(), 0)).1 += count;
        }
    }
    let shown = |(stage, open_instances): (Stage, u64)| proto::VanishedStage {
        stage: Some(convert::stage(&stage)),
        open_instances,
    };
    Ok(found.into_values().map(shown).collect())
}

pub(crate) async fn render(
    shared: &Shared,
    asked: Asked<proto::RenderWorkflowRequest>,
) -> Result<proto::RenderWorkflowResponse, Refusal> {
    let request = &asked.request;
    let (definition, trail) = if request.instance_id.is_empty() {
        let view = shared.view();
        let (_, definition, _) = pick(&view, &request.name, request.version, request.draft)?;
        (definition.clone(), Trail::default())
    } else {
        let sees_hidden = acts::may(Act::DrawHidden, &asked.caller);
        let found = archived::anywhere_for(shared, &request.instance_id, sees_hidden).await?;
        let missing = || {
            refusal::not_found(
                Missing::Version,
                &request.instance_id,
                "its version is not there".to_owned(),
            )
        };
        let definition = found
            .view
            .definition_of(&found.instance)
            .ok_or_else(missing)?;
        check_same(request, definition, &found.instance)?;
        (Definition::clone(definition), trail(&found.instance))
    };
    let format = request.format();
    let lane = if format == proto::PictureFormat::Svg {
        Lane::Picture
    } else {
        Lane::Heavy
    };
    let drawn = shared
        .reading
        .run(lane, move |_| Ok(draw(&definition, &trail, format)));
    // The layout cannot be interrupted. Nobody waits for it longer than this, and the next one gets
    // its thread when it has ended.
    let drawn = tokio::time::timeout(READ_TIME_MAX, drawn)
        .await
        .unwrap_or(Err(ReadError::TimeUp));
    Ok(proto::RenderWorkflowResponse {
        picture: drawn.map_err(refusal::of_read)??,
    })
}

/// A picture of another workflow or version than the instance's could not show its way.
fn check_same(
    request: &proto::RenderWorkflowRequest,
    definition: &Definition,
    instance: &Instance,
) -> Result<(), Refusal> {
    let (workflow, version) = (&definition.name, instance.version);
    if !request.name.is_empty() && request.name != *workflow {
        return Err(refusal::invalid_field(
            "name",
            format!("is another workflow than that of the instance, {workflow}"),
        ));
    }
    if request.version != 0 && request.version != version {
        return Err(refusal::invalid_field(
            "version",
            format!("is another than that of the instance, {version}"),
        ));
    }
    if request.draft {
        return Err(refusal::invalid_field(
            "draft",
            "has no instances: name one or the other",
        ));
    }
    Ok(())
}

fn trail(instance: &Instance) -> Trail {
    let present = (instance.stage > 0 && !instance.status.is_ended()).then_some(instance.stage);
    Trail {
        visits: instance
            .visits
            .iter()
            .map(|count| (count.stage, count.times))
            .collect(),
        present,
    }
}

fn draw(
    definition: &Definition,
    trail: &Trail,
    format: proto::PictureFormat,
) -> Result<String, Refusal> {
    let graph = || Graph::new(definition, trail);
    Ok(match format {
        proto::PictureFormat::Unspecified | proto::PictureFormat::Text => text(definition, trail),
        proto::PictureFormat::Mermaid => mermaid(&graph()),
        proto::PictureFormat::Dot => dot(&graph()),
        proto::PictureFormat::Svg => svg(&graph()).map_err(refusal::no_picture)?,
    })
}

/// What authors are warned of when they publish.
pub(crate) fn warnings(
    view: &View,
    workflow: &Workflow,
    new: &Definition,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<proto::Fault>, Stopped> {
    let warning = |gone: proto::VanishedStage| {
        let stage = gone.stage.unwrap_or_default();
        let standing = match gone.open_instances {
            1 => "1 open instance is in it: it stays on its version until it is moved or finishes"
                .to_owned(),
            many => {
                format!(
                    "{many} open instances are in it: they stay on their version until they are moved or finish"
                )
            }
        };
        proto::Fault {
            code: "INSTANCES_STAND_THERE".to_owned(),
            message: format!(
                "stage {} \"{}\" is gone, and {standing}",
                stage.number, stage.title
            ),
            stage: stage.number,
            warning: true,
            ..proto::Fault::default()
        }
    };
    Ok(gone(view, workflow, new, should_stop)?
        .into_iter()
        .map(warning)
        .collect())
}

/// How many instances of a workflow still run.
pub(crate) fn open_instances(
    view: &View,
    name: &str,
    should_stop: ShouldStop<'_>,
) -> Result<u64, Stopped> {
    Ok(view.open_by_stage(name, should_stop)?.into_values().sum())
}
