//! Changing instances, one or many: first what would come of it is shown, then it is done.
//!
//! Promise: what is done is done to the instances that were shown. One instance that has changed
//! since is refused.

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    BatchItem, BatchItemState, BatchWork, CancelInstanceRequest, CancelWork, CountInstancesRequest,
    GetInstanceRequest, HandOverWork, MigrateInstanceRequest, MigrateWork, MoveInstanceRequest,
    MoveWork, PauseWork, ResumeWork, StageMapping, StartBatchRequest,
};
use askama::Template;
use axum::extract::{Form, Query};
use axum::response::{IntoResponse as _, Redirect, Response};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::frame::{Frame, Here};
use crate::instances::filter::{Asked, Pairs, ids, text};
use crate::instances::list::CHANGERS;
use crate::instances::stages::stages;
use crate::layout::html;
use crate::people::Person;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::instances::InstancesWords;

/// Rows of a dry run that are shown; the counts are of all.
const ROWS_SHOWN: usize = 500;

/// What can be done, by its name in forms.
const WORKS: [&str; 6] = ["move", "migrate", "cancel", "pause", "resume", "hand-over"];

#[derive(Template)]
#[template(path = "instances/work.html")]
struct Work<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_change: bool,
    request_id: String,
    pairs: &'a Pairs,
    asked: &'a Asked,
    /// The instances that are named; empty for a filter.
    ids: Vec<String>,
    /// How many are meant.
    matched: u64,
    /// The stages of the workflow, if the filter names one.
    stages: Vec<(u32, String)>,
    /// What would come of it; `None` before a dry run.
    tried: Option<Vec<BatchItem>>,
    /// The revision of the one instance that was looked at; 0 for many.
    revision: u64,
    why: String,
}

impl Work<'_> {
    fn works(&self) -> Vec<(&'static str, &str)> {
        WORKS.map(|work| (work, self.w.work(work))).into()
    }

    fn typed(&self, name: &str) -> &str {
        text(self.pairs, name)
    }

    fn is_work(&self, work: &str) -> bool {
        match self.typed("work") {
            "" => work == "move",
            chosen => chosen == work,
        }
    }

    fn joined_ids(&self) -> String {
        self.ids.join(" ")
    }

    fn items(&self) -> &[BatchItem] {
        let items = self.tried.as_deref().unwrap_or_default();
        &items[..items.len().min(ROWS_SHOWN)]
    }

    fn refused_count(&self) -> usize {
        let items = self.tried.iter().flatten();
        items.filter(|item| is_refused(item)).count()
    }

    fn done_count(&self) -> usize {
        self.tried.as_ref().map_or(0, Vec::len) - self.refused_count()
    }

    fn is_refused(&self, item: &BatchItem) -> bool {
        is_refused(item)
    }

    /// Whether a stage must be named for those whose stage is gone.
    fn needs_mapping(&self) -> bool {
        let mut items = self.tried.iter().flatten();
        items.any(|item| ["STAGE_GONE", "WOULD_BE_STUCK"].contains(&item.reason.as_str()))
    }

    /// The texts of the form that the second step sends again.
    fn kept(&self) -> Vec<(&str, &str)> {
        let is_kept = |name: &str| {
            [
                "work",
                "stage_to",
                "to_version",
                "mapping",
                "until",
                "to_person",
                "to_team",
            ]
            .contains(&name)
                || ["reason", "per_second"].contains(&name)
        };
        let pairs = self.pairs.iter();
        pairs
            .filter(|(name, _)| is_kept(name))
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect()
    }
}

fn is_refused(item: &BatchItem) -> bool {
    item.state() == BatchItemState::Refused
}

/// `GET /instances/work`: what is to be done, and to how many.
pub(crate) async fn choose(visit: Visit, Query(pairs): Query<Pairs>) -> Response {
    visit.answer(page(&visit, &pairs, None, String::new()).await)
}

/// `POST /instances/work`: shows what would come of it, or does it.
pub(crate) async fn work(visit: Visit, Form(pairs): Form<Pairs>) -> Response {
    let worked = async {
        let outcome = match text(&pairs, "act") {
            "start" => start(&visit, &pairs).await,
            _ => tried(&visit, &pairs).await,
        };
        match outcome {
            Err(Trouble::Form(why)) => Ok(refused(page(&visit, &pairs, None, why).await?)),
            other => other,
        }
    };
    visit.answer(worked.await)
}

async fn page(
    visit: &Visit,
    pairs: &Pairs,
    tried: Option<Vec<BatchItem>>,
    why: String,
) -> Result<Response, Trouble> {
    let person = &visit.person;
    let asked = Asked::of(pairs);
    let mut named = if text(pairs, "all").is_empty() {
        ids(pairs)
    } else {
        Vec::new()
    };
    let mut matched = named.len() as u64;
    if named.is_empty() && tried.is_none() {
        let request = CountInstancesRequest {
            filter: Some(asked.filter()?),
            ..CountInstancesRequest::default()
        };
        let counted = person.operations().count_instances(request).await?;
        matched = counted.into_inner().total;
    }
    // A dry run names the instances: they are what the second step is about.
    if let Some(items) = &tried {
        let shown = items.iter().map(|item| item.instance_id.clone());
        named = shown.collect();
        matched = named.len() as u64;
    }
    let (workflow, version, revision) = match named.as_slice() {
        [id] => looked_at(person, id).await?,
        _ => (asked.get("workflow").to_owned(), 0, 0),
    };
    let version = text(pairs, "to_version").parse().unwrap_or(version);
    let stages = match workflow.as_str() {
        "" => Vec::new(),
        workflow => stages(person, workflow, version).await.unwrap_or_default(),
    };
    Ok(html(&Work {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_change: person.may(&CHANGERS),
        request_id: request_id(),
        pairs,
        asked: &asked,
        ids: named,
        matched,
        stages,
        tried,
        revision,
        why,
    }))
}

/// The workflow, the version and the revision of an instance.
async fn looked_at(person: &Person, id: &str) -> Result<(String, u32, u64), Trouble> {
    let request = GetInstanceRequest {
        instance_id: id.to_owned(),
        read_mask: Some(FieldMask {
            paths: vec!["workflow".to_owned(), "version".to_owned()],
        }),
    };
    let read = person.operations().get_instance(request).await?;
    let one = read.into_inner().instance.unwrap_or_default();
    Ok((one.workflow, one.version, one.revision))
}

/// Shows what would come of the work.
async fn tried(visit: &Visit, pairs: &Pairs) -> Result<Response, Trouble> {
    let request = request(visit, pairs, true)?;
    match visit.person.operations().start_batch(request).await {
        Ok(answer) => {
            let items = answer.into_inner().items;
            page(visit, pairs, Some(items), String::new()).await
        }
        Err(status) => Err(Trouble::Form(visit.why(status)?)),
    }
}

fn request(visit: &Visit, pairs: &Pairs, dry_run: bool) -> Result<StartBatchRequest, Trouble> {
    let instance_ids = if text(pairs, "all").is_empty() {
        ids(pairs)
    } else {
        Vec::new()
    };
    let filter = match instance_ids.is_empty() {
        true => Some(Asked::of(pairs).filter()?),
        false => None,
    };
    Ok(StartBatchRequest {
        request_id: text(pairs, "request_id").to_owned(),
        actor: visit.person.actor(),
        work: Some(BatchWork {
            kind: Some(kind(visit, pairs)?),
        }),
        instance_ids,
        filter,
        follow_up_filter: None,
        reason: text(pairs, "reason").to_owned(),
        per_second: number(pairs, "per_second")?,
        dry_run,
    })
}

fn number(pairs: &Pairs, name: &str) -> Result<u32, Trouble> {
    match text(pairs, name) {
        "" => Ok(0),
        number => number
            .parse()
            .map_err(|_| Trouble::Form(format!("{name}: {number:?}"))),
    }
}

fn kind(visit: &Visit, pairs: &Pairs) -> Result<Kind, Trouble> {
    Ok(match text(pairs, "work") {
        "move" => Kind::Move(MoveWork {
            stage: number(pairs, "stage_to")?,
        }),
        "migrate" => Kind::Migrate(MigrateWork {
            to_version: number(pairs, "to_version")?,
            stages: mapping(text(pairs, "mapping"))?,
            // The dry run has shown which ones are refused.
            allow_refused: true,
        }),
        "cancel" => Kind::Cancel(CancelWork {}),
        "pause" => Kind::Pause(PauseWork { until: None }),
        "resume" => Kind::Resume(ResumeWork {}),
        "hand-over" => Kind::HandOver(HandOverWork {
            to_person: text(pairs, "to_person").to_owned(),
            to_team: text(pairs, "to_team").to_owned(),
            ..HandOverWork::default()
        }),
        other => {
            let name = &visit.words.instances.work_name;
            return Err(Trouble::Form(format!("{name}: {other:?}")));
        }
    })
}

/// The stages of `2=5, 3=6`.
fn mapping(text: &str) -> Result<Vec<StageMapping>, Trouble> {
    let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
    let mapped = parts.map(|part| {
        let numbers = part.split_once('=').and_then(|(from, to)| {
            Some(StageMapping {
                from_stage: from.trim().parse().ok()?,
                to_stage: to.trim().parse().ok()?,
            })
        });
        numbers.ok_or_else(|| Trouble::Form(format!("{part:?}: 2=5")))
    });
    mapped.collect()
}

/// Does the work: to one instance at once, to many as a batch.
async fn start(visit: &Visit, pairs: &Pairs) -> Result<Response, Trouble> {
    let request = request(visit, pairs, false)?;
    if let ([id], Some(kind)) = (
        request.instance_ids.as_slice(),
        request.work.as_ref().and_then(|work| work.kind.as_ref()),
    ) && let Some(done) = single(visit, pairs, &request, id, kind).await
    {
        return match done {
            Ok(()) => Ok(Redirect::to(&format!("/instances/i/{id}?done=1")).into_response()),
            Err(status) => not_done(visit, pairs, status).await,
        };
    }
    match visit.person.operations().start_batch(request).await {
        Ok(answer) => {
            let batch = answer.into_inner().batch.unwrap_or_default();
            Ok(Redirect::to(&format!("/instances/batches/{}", batch.id)).into_response())
        }
        Err(status) => not_done(visit, pairs, status).await,
    }
}

/// The first step again, with the reason.
async fn not_done(visit: &Visit, pairs: &Pairs, status: Status) -> Result<Response, Trouble> {
    let why = match status.code() {
        Code::Aborted => visit.words.instances.changed_meanwhile.clone(),
        _ => visit.why(status)?,
    };
    Ok(refused(page(visit, pairs, None, why).await?))
}

/// Moves, migrates or cancels one instance, unless it has changed since it was shown. `None` for
/// other work, which is a batch of one.
async fn single(
    visit: &Visit,
    pairs: &Pairs,
    request: &StartBatchRequest,
    id: &str,
    kind: &Kind,
) -> Option<Result<(), Status>> {
    let mut client = visit.person.operations();
    let request_id = request.request_id.clone();
    let (actor, reason) = (request.actor.clone(), request.reason.clone());
    let (instance_id, expected_revision) = (id.to_owned(), text(pairs, "revision").parse().ok());
    let done = match kind {
        Kind::Move(work) => {
            let request = MoveInstanceRequest {
                request_id,
                actor,
                instance_id,
                stage: work.stage,
                reason,
                expected_revision,
                read_mask: None,
            };
            client.move_instance(request).await.map(|_| ())
        }
        Kind::Migrate(work) => {
            let request = MigrateInstanceRequest {
                request_id,
                actor,
                instance_id,
                to_version: work.to_version,
                stages: work.stages.clone(),
                reason,
                expected_revision,
                read_mask: None,
            };
            client.migrate_instance(request).await.map(|_| ())
        }
        Kind::Cancel(_) => {
            let request = CancelInstanceRequest {
                request_id,
                actor,
                instance_id,
                reason,
                expected_revision,
                read_mask: None,
            };
            client.cancel_instance(request).await.map(|_| ())
        }
        Kind::Pause(_)
        | Kind::Resume(_)
        | Kind::HandOver(_)
        | Kind::Push(_)
        | Kind::Snooze(_)
        | Kind::Claim(_) => return None,
    };
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_two_stages() {
        let mapped = mapping("2=5, 3 = 6");
        assert!(mapped.is_err(), "a space divides");
        let mapped = mapping("2=5, 3=6").expect("a mapping");
        assert_eq!((mapped[1].from_stage, mapped[1].to_stage), (3, 6));
        assert!(mapping("").expect("none").is_empty());
        assert!(mapping("two=5").is_err());
    }
}
