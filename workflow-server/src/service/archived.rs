//! What has left memory, as the API shows it: an instance wherever it is, calls, and lists of the
//! archive.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::command::KnownCall;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::InstanceFilter;
use aftercall_proto::workflow::v1 as proto;

use crate::ledger::{ArchiveCursor, ArchiveFilter, FoundCall, FoundInstance};
use crate::service::ask::pages;
use crate::service::ask::requests::parse_id;
use crate::service::say::refusal::Missing;
use crate::service::say::{ReadMask, Refusal, follow_up, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// An instance, in memory or out of the archive.
pub(crate) struct Anywhere {
    pub(crate) view: View,
    pub(crate) instance: Arc<Instance>,
    /// Its call, where that has left memory too.
    archived: Option<Arc<Call>>,
}

impl Anywhere {
    /// Its call.
    pub(crate) fn call(&self) -> Option<&Call> {
        self.archived
            .as_ref()
            .or_else(|| self.view.call_of(&self.instance))
            .map(|call| &**call)
    }

    pub(crate) fn shown(&self, mask: &ReadMask) -> proto::FollowUp {
        follow_up::follow_up_of_call(&self.view, &self.instance, self.call(), mask)
    }

    pub(crate) fn is_archived(&self) -> bool {
        self.archived.is_some()
    }

    /// Whether Call Managers see it, or did until it ended.
    fn is_shown(&self) -> bool {
        let Some(call) = self.call() else {
            return false;
        };
        // A call that was reported again after it had left memory counts as it is known now.
        let whole = self.view.unlimited();
        let is_call_shown = whole.call(&call.key).is_none_or(|live| live.is_shown());
        is_call_shown && self.instance.is_shown(call)
    }
}

/// An instance by its id, wherever it is.
pub(crate) async fn anywhere(shared: &Shared, text: &str) -> Result<Anywhere, Refusal> {
    let id = parse_id(text)?;
    let view = shared.view();
    if let Some(instance) = view.instance(id).cloned() {
        return Ok(Anywhere {
            view,
            instance,
            archived: None,
        });
    }
    let found = find(shared, &view, id).await?;
    let FoundInstance { instance, call } = found.ok_or_else(|| missing(text))?;
    Ok(Anywhere {
        view: shared.view(),
        instance,
        archived: Some(call),
    })
}

/// The same; for a caller who sees nothing hidden, only what Call Managers see.
pub(crate) async fn anywhere_for(
    shared: &Shared,
    text: &str,
    sees_hidden: bool,
) -> Result<Anywhere, Refusal> {
    let found = anywhere(shared, text).await?;
    if sees_hidden || found.is_shown() {
        Ok(found)
    } else {
        Err(missing(text))
    }
}

fn missing(text: &str) -> Refusal {
    let message = format!("there is no instance {text}");
    refusal::not_found(Missing::Instance, text, message)
}

pub(crate) async fn find(
    shared: &Shared,
    view: &View,
    id: InstanceId,
) -> Result<Option<FoundInstance>, Refusal> {
    let found = shared
        .ledger
        .archive()
        .instance(id, shared.ledger.now())
        .await;
    let found = found.map_err(|error| refusal::of_history(&error))?;
    Ok(found.filter(|found| view.can_see_on(&found.instance, &found.call)))
}

pub(crate) fn shown(names: &Names, found: &FoundInstance, mask: &ReadMask) -> proto::FollowUp {
    follow_up::follow_up_of_call(names, &found.instance, Some(&found.call), mask)
}

/// The follow-ups of a call that are meant, newest first, as many as have room in an answer, and
/// whether there are more.
pub(crate) fn follow_ups_in_memory(
    view: &View,
    call: &Call,
    mask: &ReadMask,
    is_meant: impl Fn(&Instance) -> bool,
) -> (Vec<proto::FollowUp>, bool) {
    let instances = view.instances_of(call);
    let shown = instances.filter(|instance| is_meant(instance));
    pages::first_of(shown.map(|instance| follow_up::follow_up(view, instance, mask)))
}

/// The follow-ups of a call out of the archive that are meant, newest first, as many as have room
/// in an answer, and whether there are more.
pub(crate) fn follow_ups(
    names: &Names,
    found: &FoundCall,
    mask: &ReadMask,
    is_meant: impl Fn(&Instance) -> bool,
) -> (Vec<proto::FollowUp>, bool) {
    let instances = found
        .instances
        .iter()
        .rev()
        .filter(|instance| is_meant(instance));
    pages::first_of(
        instances
            .map(|instance| follow_up::follow_up_of_call(names, instance, Some(&found.call), mask)),
    )
}

/// What the archive holds of a call, newest first.
pub(crate) async fn calls(shared: &Shared, key: &CallKey) -> Result<Vec<FoundCall>, Refusal> {
    let found = shared
        .ledger
        .archive()
        .calls(key, shared.ledger.now())
        .await;
    let found = found.map_err(|error| refusal::of_history(&error))?;
    let view = shared.view();
    Ok(found
        .into_iter()
        .filter_map(|found| view.archived_call(found))
        .collect())
}

/// What the archive knows of a call that is not in memory, for a command that names it. Nothing is
/// read for one that is in memory, or that no filter says to be archived.
pub(crate) async fn known(shared: &Shared, key: &CallKey) -> Result<KnownCall, Refusal> {
    // The decision checks the scope.
    let view = shared.view().into_unlimited();
    let newest_file = view.newest_archive_file();
    if view.call(key).is_some() || !view.has_archive() {
        return Ok(KnownCall {
            newest_file,
            call: None,
        });
    }
    let call = Box::pin(shared.ledger.archive().call(key, shared.ledger.now())).await;
    Ok(KnownCall {
        newest_file,
        call: call.map_err(|error| refusal::of_history(&error))?,
    })
}

/// A page of the archive.
pub(crate) async fn list(
    shared: &Shared,
    filter: &InstanceFilter,
    list: &[u8],
    (page_size, page_token): (u32, &str),
    now: Time,
    mask: &ReadMask,
) -> Result<proto::ListInstancesResponse, Refusal> {
    let view = shared.view();
    let token = pages::read::<4>(shared, list, page_token)?;
    let after = token.map(|[chunk, ended_at, made_at, _]| ArchiveCursor {
        chunk,
        ended_at: Time(ended_at as i64),
        made_at,
    });
    let Some(by_chunk) = of_chunks(&view, filter) else {
        return Ok(proto::ListInstancesResponse::default());
    };
    let filter = view.instances_within(filter.clone());
    let is_meant =
        |found: &FoundInstance| view.matches_ended(&filter, &found.instance, &found.call);
    let listed = shared
        .ledger
        .archive()
        .list(&by_chunk, is_meant, after, pages::rows(page_size), now)
        .await;
    let page = listed.map_err(|error| refusal::of_history(&error))?;
    let token = |next: ArchiveCursor| {
        pages::token(
            shared,
            list,
            &[
                next.chunk,
                next.ended_at.0 as u64,
                next.made_at,
                now.0 as u64,
            ],
        )
    };
    let instances = pages::fitting(
        page.instances
            .iter()
            .map(|(_, found)| shown(&view, found, mask)),
    );
    let next = pages::next_after(&page.instances, instances.len(), page.next, |(place, _)| {
        *place
    });
    Ok(proto::ListInstancesResponse {
        instances,
        next_page_token: next.map_or_else(String::new, token),
    })
}

/// The part of a filter that chunks alone can answer; nothing where there is no workflow of these names.
fn of_chunks(names: &Names, filter: &InstanceFilter) -> Option<ArchiveFilter> {
    let workflows: Vec<u32> = filter
        .workflows
        .iter()
        .filter_map(|name| names.workflows().place(name))
        .collect();
    (filter.workflows.is_empty() || !workflows.is_empty()).then(|| ArchiveFilter {
        workflows,
        versions: filter.versions.clone(),
        statuses: filter.statuses.clone(),
        ended_from: filter.ended_from,
        ended_until: filter.ended_until,
    })
}

/// How many instances the archive holds, as far as chunks alone show; 0 where the filter
/// asks for more than that, or for none that has ended.
pub(crate) fn count(view: &View, filter: &InstanceFilter) -> u64 {
    let asks_for_ended = filter.statuses.iter().any(|status| status.is_ended());
    let Some(by_chunk) =
        of_chunks(view, filter).filter(|_| asks_for_ended && filter.is_of_chunks())
    else {
        return 0;
    };
    view.archive_tallies()
        .filter(|tally| by_chunk.may_match(tally))
        .map(|tally| u64::from(tally.count))
        .sum()
}
