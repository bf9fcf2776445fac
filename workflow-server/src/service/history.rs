//! What happened to an instance or a call, in the order in which it did; out of the archive too.

use std::collections::BTreeMap;
use std::sync::Arc;

use aftercall_engine::call::CallKey;
use aftercall_engine::{Entry, Root};
use aftercall_proto::workflow::v1 as proto;
use tonic::Status;

use super::requests::{self, Faults};
use super::{Shared, archived, convert, status};
use crate::ledger::FoundCall;
use crate::ledger::history::HistoryError;
use crate::limits::HISTORY_WALK_MAX;

/// The items that a request asks for, oldest first.
pub(super) async fn items(
    shared: &Shared,
    request: &proto::ListHistoryRequest,
) -> Result<Vec<proto::HistoryItem>, Status> {
    match (&request.call, request.instance_id.as_str()) {
        (None, id) if !id.is_empty() => {
            let found = archived::anywhere(shared, id).await?;
            let entries = shared.ledger.history().of_instance(&found.instance).await;
            let entries = entries.map_err(|error| status::of_history(&error))?;
            let of_instance = |entry: &Arc<Entry>| {
                let change = entry.instances.iter().find(|change| change.after.id() == found.instance.id);
                convert::history_item(&found.root, entry, change)
            };
            Ok(entries.values().map(of_instance).collect())
        }
        (Some(_), "") => {
            let mut faults = Faults::default();
            let key = requests::call_key(request.call.as_ref(), "call", &mut faults);
            faults.check()?;
            let root = shared.root();
            let entries = of_call(shared, &root, &key).await?;
            Ok(entries.values().flat_map(|entry| of_entry(&root, entry)).collect())
        }
        _ => Err(status::invalid_field("instance_id", "name an instance or a call, and not both")),
    }
}

/// Everything that happened to a call and its instances, by sequence: to what is in memory of it, and to what left it earlier.
async fn of_call(shared: &Shared, root: &Root, key: &CallKey) -> Result<BTreeMap<u64, Arc<Entry>>, Status> {
    let live = root.call(key).map(|call| FoundCall {
        call: call.clone(),
        instances: call.instances.iter().filter_map(|slot| root.instance_at(*slot)).cloned().collect(),
    });
    let found: Vec<FoundCall> = live.into_iter().chain(archived::calls(shared, key).await?).collect();
    if found.is_empty() {
        let name = format!("{}/{}", key.source, key.id);
        return Err(status::not_found("call", &name, format!("call {name} was never heard of")));
    }
    gather(shared, found).await.map_err(|error| status::of_history(&error))
}

async fn gather(shared: &Shared, found: Vec<FoundCall>) -> Result<BTreeMap<u64, Arc<Entry>>, HistoryError> {
    let history = shared.ledger.history();
    let mut entries = BTreeMap::new();
    for FoundCall { call, instances } in found {
        entries.extend(history.of_call(&call).await?);
        for instance in instances {
            entries.extend(history.of_instance(&instance).await?);
            if entries.len() >= HISTORY_WALK_MAX {
                return Ok(entries);
            }
        }
    }
    Ok(entries)
}

/// A line for the call where it changed, and one for each instance.
fn of_entry(root: &Root, entry: &Entry) -> Vec<proto::HistoryItem> {
    let of_call = entry.call.as_ref().filter(|change| change.is_news && entry.instances.is_empty());
    let of_call = of_call.map(|_| convert::history_item(root, entry, None));
    let of_instances = entry.instances.iter().map(|change| convert::history_item(root, entry, Some(change)));
    of_call.into_iter().chain(of_instances).collect()
}
