//! Masks calls, instances and entries of an erased caller. What happened and who did it is kept.
//! All data about the caller and from the caller is removed.

use std::sync::Arc;

use aftercall_definition::Definition;

use crate::batch::BatchChange;
use crate::call::{Call, Caller};
use crate::desk_change::DeskChange;
use crate::entry::{After, CallChange, ChangeKind, Details, Entry, InstanceChange};
use crate::instance::{Instance, InstanceId, Status};
use crate::world::Root;
use crate::world::erasing::Erasing;

/// The text that replaces erased data.
pub const ERASED: &str = "[erased]";

fn mask(text: &mut Box<str>) {
    if !text.is_empty() {
        *text = ERASED.into();
    }
}

/// Masks a call: removes the caller and the details.
#[must_use]
pub fn call(call: &Call) -> Call {
    let mut details: Vec<(Box<str>, Box<str>)> = call
        .details
        .iter()
        .map(|(key, _)| (detail_key(key), ERASED.into()))
        .collect();
    details.sort();
    details.dedup();
    let details = details.into();
    let caller = Caller {
        name: ERASED.into(),
        ..Caller::default()
    };
    Call {
        caller,
        details,
        ..call.clone()
    }
}

/// Keeps a key that is a word, because the author of the script chose it. Any other key, such as a
/// number or a name, may be data of the caller.
fn detail_key(key: &str) -> Box<str> {
    let is_word = key
        .chars()
        .all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.'));
    if is_word { key.into() } else { ERASED.into() }
}

/// Masks an instance: removes its fields and texts. Keeps its stage, clocks and claim. Keeps an
/// outcome only if the definition declares it, because an outcome that a person typed may name the
/// caller.
#[must_use]
pub fn instance(instance: &Instance, definition: Option<&Definition>) -> Instance {
    let mut masked = instance.clone();
    masked.fields = Box::default();
    masked
        .alerts
        .iter_mut()
        .for_each(|alert| mask(&mut alert.text));
    masked.filling = None;
    if let Some(pause) = &mut masked.pause {
        mask(&mut pause.reason);
    }
    let is_declared = masked.status == Status::Finished
        && definition.is_some_and(|definition| definition.has_outcome(&masked.ending));
    if !is_declared {
        mask(&mut masked.ending);
    }
    masked
}

/// Masks an entry. `root` has the definitions.
#[must_use]
pub fn entry(root: &Root, entry: &Entry) -> Entry {
    let of_call = |change: &CallChange| CallChange {
        after: Arc::new(call(&change.after)),
        ..change.clone()
    };
    let after = |after: &After| match after {
        After::Whole(whole) => After::Whole(Arc::new(instance(
            whole,
            root.definition_of(whole).map(|definition| &**definition),
        ))),
        After::Touched(touched) => After::Touched(*touched),
    };
    let of_instance = |change: &InstanceChange| InstanceChange {
        after: after(&change.after),
        ..change.clone()
    };
    Entry {
        details: details(entry.kind, &entry.details),
        call: entry.call.as_ref().map(of_call),
        instances: entry.instances.iter().map(of_instance).collect(),
        ..entry.clone()
    }
}

fn details(kind: ChangeKind, details: &Details) -> Details {
    let mut masked = details.clone();
    match kind {
        // This note has the names of changed properties or the reason for the erasure. Neither is
        // data of the caller.
        ChangeKind::CallUpdated | ChangeKind::CallerErased => {}
        _ => mask(&mut masked.note),
    }
    if kind.has_entered_values() {
        masked.values = Box::default();
    }
    masked
}

/// The entry as the history keeps it: without the texts of saved views and the form of a batch. No
/// answer needs them, and nothing in the entry names the callers who are in them.
#[must_use]
pub fn for_history(entry: Arc<Entry>) -> Arc<Entry> {
    if entry.desk.is_none() && entry.batch.is_none() {
        return entry;
    }
    Arc::new(Entry {
        desk: entry.desk.as_ref().map(DeskChange::without_texts),
        batch: entry.batch.as_ref().map(BatchChange::without_form),
        ..Entry::clone(&entry)
    })
}

/// Whether an entry contains data of a caller who is being erased. `root` has the calls of
/// instances that are in a later entry.
#[must_use]
pub fn is_masked(erasing: &Erasing, root: &Root, entry: &Entry) -> bool {
    if erasing.is_empty() {
        return false;
    }
    let of_call = entry
        .call
        .as_ref()
        .map_or(0, |change| erasing.upto_of_call(&change.after));
    let of_instance = |id: InstanceId| {
        let call = root
            .instance(id)
            .and_then(|instance| root.call_of(instance));
        let of_call = call.map_or(0, |call| erasing.upto_of_call(call));
        of_call.max(erasing.upto_of_instance(id))
    };
    let upto = entry
        .instances
        .iter()
        .map(|change| of_instance(change.after.id()))
        .fold(of_call, u64::max);
    entry.sequence <= upto
}

/// Returns the entry, masked if it contains data of a caller who is being erased.
#[must_use]
pub fn masked(erasing: &Erasing, root: &Root, entry: Arc<Entry>) -> Arc<Entry> {
    if is_masked(erasing, root, &entry) {
        Arc::new(self::entry(root, &entry))
    } else {
        entry
    }
}
