//! What a request to start a batch asks for: its work and its items.

use aftercall_definition::rules;
use aftercall_definition::time::Time;
use aftercall_engine::Rejection;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{BatchItems, BatchPush, BatchWork, StartBatch};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::limits::{BATCH_ITEMS_MAX, BATCH_PER_SECOND_DEFAULT};
use aftercall_engine::query::{InstanceFilter, ShouldStop};
use aftercall_engine::recipient::Recipient;
use aftercall_proto::workflow::v1 as proto;

use crate::reading::Lane;
use crate::service::ask::{Faults, filters, requests};
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

pub(super) async fn read(
    shared: &Shared,
    request: &proto::StartBatchRequest,
    actor: &Actor,
) -> Result<(StartBatch, Faults), Refusal> {
    let mut faults = Faults::default();
    let work = work(&shared.view(), request.work.as_ref(), &mut faults);
    let items = items_of(shared, request, actor, &mut faults)?;
    let start = StartBatch {
        work,
        items: if faults.is_empty() {
            found(shared, items).await?
        } else {
            BatchItems::default()
        },
        reason: request.reason.as_str().into(),
        per_second: if request.per_second == 0 {
            BATCH_PER_SECOND_DEFAULT
        } else {
            request.per_second
        },
    };
    Ok((start, faults))
}

fn work(names: &Names, asked: Option<&proto::BatchWork>, faults: &mut Faults) -> BatchWork {
    use proto::batch_work::Kind;
    match asked.and_then(|asked| asked.kind.as_ref()) {
        Some(Kind::Move(asked)) => BatchWork::Move { stage: asked.stage },
        Some(Kind::Pause(asked)) => {
            let until = asked.until.map(requests::time);
            if until == Some(None) {
                faults.add("work.pause.until", "is not a moment");
            }
            BatchWork::Pause {
                until: until.flatten(),
            }
        }
        Some(Kind::Migrate(asked)) => BatchWork::Migrate {
            version: asked.to_version,
            stages: requests::stage_mappings(&asked.stages, faults),
        },
        Some(Kind::Resume(_)) => BatchWork::Resume,
        Some(Kind::Cancel(_)) => BatchWork::Cancel,
        Some(Kind::HandOver(asked)) => BatchWork::HandOver(recipient(names, asked, faults)),
        Some(Kind::Push(asked)) => BatchWork::Push(BatchPush {
            button: asked.button_id.as_str().into(),
            stage: asked.stage,
            visits: [].into(),
            form: requests::values(asked.form.clone(), "work.push.form", faults).into(),
        }),
        Some(Kind::Snooze(asked)) => BatchWork::Snooze {
            until: asked.until.and_then(requests::time).unwrap_or_else(|| {
                faults.add("work.snooze.until", "must be given, as a moment");
                Time::NEVER
            }),
        },
        Some(Kind::Claim(asked)) => BatchWork::Claim {
            lease_millis: requests::lease(asked.lease, faults),
        },
        None => {
            faults.add(
                "work",
                "must be given: push, snooze, claim, hand_over, pause, resume, move, cancel or migrate",
            );
            BatchWork::Resume
        }
    }
}

fn recipient(names: &Names, asked: &proto::HandOverWork, faults: &mut Faults) -> Recipient {
    if asked.release {
        if !asked.to_person.is_empty() || !asked.to_team.is_empty() {
            faults.add(
                "work.hand_over.release",
                "must not be given with a person or a team",
            );
        }
        return Recipient::Release;
    }
    match (asked.to_person.as_str(), asked.to_team.as_str()) {
        ("", name) if !name.is_empty() => {
            let team = names.teams().place(name).unwrap_or_else(|| {
                faults.add(
                    "work.hand_over.to_team",
                    format!("there is no team `{name}`"),
                );
                u32::MAX
            });
            Recipient::Team { team }
        }
        (name, to_team) => {
            if name.is_empty() == to_team.is_empty() {
                faults.add(
                    "work.hand_over.to_person",
                    "name a person or a team, one of the two, or give release",
                );
            }
            Recipient::Person {
                name: name.into(),
                lease_millis: requests::lease(asked.lease, faults),
            }
        }
    }
}

/// Which instances a request is about.
enum Wanted {
    Named(Vec<InstanceId>),
    Filtered(Box<InstanceFilter>),
    Listed(Box<FollowUpFilter>),
}

/// Looks for the instances, off the ledger's thread.
async fn found(shared: &Shared, asked: Wanted) -> Result<BatchItems, Refusal> {
    let now = shared.ledger.now();
    match asked {
        Wanted::Named(ids) => {
            check_named(&shared.view(), &ids)?;
            Ok(BatchItems::named(ids))
        }
        Wanted::Filtered(filter) => {
            let walk = move |view: &View, should_stop: ShouldStop<'_>| {
                view.batch_items(*filter, now.max(view.at()), should_stop)
            };
            shared.walk(Lane::Heavy, shared.view(), walk).await
        }
        Wanted::Listed(filter) => {
            let walk = move |view: &View, should_stop: ShouldStop<'_>| {
                view.listed_items(*filter, now.max(view.at()), should_stop)
            };
            shared.walk(Lane::Heavy, shared.view(), walk).await
        }
    }
}

/// For a caller with a scope every instance that it names must be in it. A check before the start is
/// enough: a batch is about what its starter could see when it was started.
fn check_named(view: &View, ids: &[InstanceId]) -> Result<(), Refusal> {
    if view.reach().is_everything() {
        return Ok(());
    }
    match ids.iter().find(|id| view.instance(**id).is_none()) {
        Some(id) => Err(refusal::of_rejection(Rejection::NoSuchInstance(*id), view)),
        None => Ok(()),
    }
}

fn items_of(
    shared: &Shared,
    request: &proto::StartBatchRequest,
    actor: &Actor,
    faults: &mut Faults,
) -> Result<Wanted, Refusal> {
    if let Some(filter) = &request.follow_up_filter {
        return Ok(listed(shared, request, filter, faults));
    }
    let Some(filter) = &request.filter else {
        return Ok(Wanted::Named(named_ids(&request.instance_ids, faults)));
    };
    if !request.instance_ids.is_empty() {
        faults.add("filter", "name the instances or give a filter, not both");
    }
    if actor.kind == ActorKind::Person {
        faults.add(
            "filter",
            "also selects what Call Managers do not see: give follow_up_filter instead",
        );
    }
    if *filter == proto::InstanceFilter::default() {
        faults.add(
            "filter",
            "must narrow something down: an empty one means all that is open",
        );
    }
    use proto::batch_work::Kind;
    let kind = request.work.as_ref().and_then(|work| work.kind.as_ref());
    if matches!(kind, Some(Kind::Move(_) | Kind::Migrate(_))) && filter.workflows.len() != 1 {
        faults.add(
            "filter.workflows",
            "must name one workflow: the number of a stage or version means nothing in another",
        );
    }
    let view = shared.view();
    // What looks for a misspelt workflow finds nothing; what changes instances says so.
    for name in filter
        .workflows
        .iter()
        .filter(|name| view.workflows().named(name).is_none())
    {
        let hint = rules::suggestion(
            name,
            view.workflows().by_place().map(|workflow| &*workflow.name),
        );
        faults.add(
            "filter.workflows",
            format!("there is no workflow {}{hint}", rules::quoted(name)),
        );
    }
    let filter: InstanceFilter = filters::read(filter.clone(), shared.ledger.now())?;
    Ok(Wanted::Filtered(Box::new(filter)))
}

/// The follow-ups that Call Managers list with a filter.
fn listed(
    shared: &Shared,
    request: &proto::StartBatchRequest,
    filter: &proto::FollowUpFilter,
    faults: &mut Faults,
) -> Wanted {
    if request.filter.is_some() || !request.instance_ids.is_empty() {
        faults.add(
            "follow_up_filter",
            "name the instances or give one filter, not both",
        );
    }
    if *filter == proto::FollowUpFilter::default() {
        faults.add(
            "follow_up_filter",
            "must narrow something down: an empty one means all that is open",
        );
    }
    let (filter, errors) = filters::waiting(&shared.view(), filter, shared.desk.country);
    faults.append(errors.named("filter", "follow_up_filter"));
    Wanted::Listed(Box::new(filter))
}

/// The ids that a request names; adds an error for each invalid one.
fn named_ids(texts: &[String], faults: &mut Faults) -> Vec<InstanceId> {
    if texts.is_empty() {
        faults.add("instance_ids", "name the instances, or give a filter");
    }
    if texts.len() > BATCH_ITEMS_MAX {
        let count = texts.len();
        let message = format!("has {count} values, at most {BATCH_ITEMS_MAX} are allowed");
        faults.add("instance_ids", message);
    }
    let mut ids = Vec::new();
    for (at, text) in texts.iter().take(BATCH_ITEMS_MAX).enumerate() {
        match text.parse::<InstanceId>() {
            Ok(id) => ids.push(id),
            Err(error) => faults.add(format!("instance_ids[{at}]"), error.to_string()),
        }
    }
    ids
}
