//! What happened to an instance or a call, in the order in which it did; out of the archive too.

use std::collections::{BTreeSet, HashSet};

use aftercall_engine::Entry;
use aftercall_engine::call::CallKey;
use aftercall_engine::instance::InstanceId;
use aftercall_proto::workflow::v1 as proto;

use crate::ledger::FoundCall;
use crate::ledger::history::HistoryError;
use crate::limits::HISTORY_WALK_MAX;
use crate::service::archived;
use crate::service::ask::{Faults, pages, requests};
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, causes, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// What happened, as far as it is known which entries are about it.
pub(crate) struct Past {
    view: View,
    /// The entries, oldest first.
    sequences: Vec<u64>,
    /// Only of this instance.
    instance: Option<InstanceId>,
    /// Of a call: the instances that the caller may see, where that has a limit.
    in_scope: Option<HashSet<InstanceId>>,
}

impl Past {
    /// Of the instance or call that a request names.
    pub(crate) async fn find(
        shared: &Shared,
        request: &proto::ListHistoryRequest,
        sees_hidden: bool,
    ) -> Result<Self, Refusal> {
        match (&request.call, request.instance_id.as_str()) {
            (None, id) if !id.is_empty() => {
                let found = archived::anywhere_for(shared, id, sees_hidden).await?;
                let trail = shared
                    .ledger
                    .history()
                    .trail_of_instance(&found.instance)
                    .await;
                let trail = trail.map_err(|error| refusal::of_history(&error))?;
                let sequences = trail.iter().map(|step| step.sequence).collect();
                Ok(Self {
                    view: found.view.clone(),
                    sequences,
                    instance: Some(found.instance.id),
                    in_scope: None,
                })
            }
            (Some(_), "") => {
                let mut faults = Faults::default();
                let key = requests::call_key(request.call.as_ref(), "call", &mut faults);
                faults.check()?;
                let view = shared.view();
                let mut found = of_call(shared, &view, &key).await?;
                if !sees_hidden {
                    keep_shown(&mut found, &key)?;
                }
                let ids = found.iter().flat_map(|found| &found.instances);
                let ids = ids.map(|instance| instance.id).collect();
                let is_limited = !sees_hidden || !view.reach().is_everything();
                let in_scope = is_limited.then_some(ids);
                let sequences = gather(shared, found)
                    .await
                    .map_err(|error| refusal::of_history(&error))?;
                Ok(Self {
                    view,
                    sequences,
                    instance: None,
                    in_scope,
                })
            }
            _ => Err(refusal::invalid_field(
                "instance_id",
                "name an instance or a call, and not both",
            )),
        }
    }

    /// The items after an entry, and the last entry of them where there are more. Items of one
    /// entry stay together.
    pub(crate) async fn page(
        &self,
        shared: &Shared,
        after: u64,
        rows_max: usize,
    ) -> Result<(Vec<proto::HistoryItem>, Option<u64>), Refusal> {
        let (mut page, mut room) = (Vec::new(), pages::Room::default());
        let first = self
            .sequences
            .partition_point(|sequence| *sequence <= after);
        let mut last = after;
        for sequence in &self.sequences[first..] {
            let entry = shared
                .ledger
                .history()
                .entry(*sequence)
                .await
                .map_err(|error| refusal::of_history(&error))?;
            let items = self.items(&entry);
            let has_room =
                page.len() < rows_max && items.first().is_none_or(|item| room.takes(item));
            if !has_room {
                return Ok((page, Some(last)));
            }
            items.iter().skip(1).for_each(|item| room.add(item));
            page.extend(items);
            last = *sequence;
        }
        Ok((page, None))
    }

    fn items(&self, entry: &Entry) -> Vec<proto::HistoryItem> {
        match self.instance {
            Some(id) => {
                let change = entry
                    .instances
                    .iter()
                    .find(|change| change.after.id() == id);
                vec![causes::history_item(&self.view, entry, change)]
            }
            None => of_entry(&self.view, entry, |id| {
                self.in_scope.as_ref().is_none_or(|ids| ids.contains(&id))
            }),
        }
    }
}

/// A call and its instances: what is in memory of it, and what left it earlier.
async fn of_call(shared: &Shared, view: &View, key: &CallKey) -> Result<Vec<FoundCall>, Refusal> {
    let live = view.call(key).map(|call| FoundCall {
        call: call.clone(),
        instances: view.instances_of(call).rev().cloned().collect(),
    });
    let found: Vec<FoundCall> = live
        .into_iter()
        .chain(archived::calls(shared, key).await?)
        .collect();
    if found.is_empty() {
        return Err(no_call(key));
    }
    Ok(found)
}

/// Keeps what Call Managers see. The first is the call as it is known now.
fn keep_shown(found: &mut [FoundCall], key: &CallKey) -> Result<(), Refusal> {
    if found.first().is_none_or(|newest| !newest.call.is_shown()) {
        return Err(no_call(key));
    }
    for FoundCall { call, instances } in found {
        instances.retain(|instance| instance.is_shown(call));
    }
    Ok(())
}

fn no_call(key: &CallKey) -> Refusal {
    let name = format!("{}/{}", key.source, key.id);
    refusal::not_found(Missing::Call, &name, format!("there is no call {name}"))
}

async fn gather(shared: &Shared, found: Vec<FoundCall>) -> Result<Vec<u64>, HistoryError> {
    let history = shared.ledger.history();
    let mut sequences = BTreeSet::new();
    for FoundCall { call, instances } in found {
        sequences.extend(
            history
                .trail_of_call(&call)
                .await?
                .iter()
                .map(|step| step.sequence),
        );
        for instance in instances {
            sequences.extend(
                history
                    .trail_of_instance(&instance)
                    .await?
                    .iter()
                    .map(|step| step.sequence),
            );
            if sequences.len() >= HISTORY_WALK_MAX {
                break;
            }
        }
    }
    Ok(sequences.into_iter().collect())
}

/// A line for the call where it changed, and one for each instance.
fn of_entry(
    names: &Names,
    entry: &Entry,
    is_shown: impl Fn(InstanceId) -> bool,
) -> Vec<proto::HistoryItem> {
    let of_call = entry
        .call
        .as_ref()
        .filter(|change| change.is_news && entry.instances.is_empty());
    let of_call = of_call.map(|_| causes::history_item(names, entry, None));
    let of_instances = entry
        .instances
        .iter()
        .filter(|change| is_shown(change.after.id()))
        .map(|change| causes::history_item(names, entry, Some(change)));
    of_call.into_iter().chain(of_instances).collect()
}
