//! Checks which calls an erasure lists at its start, and what data it leaves.

use std::sync::Arc;

use aftercall_engine::Request;
use aftercall_engine::call::Call;
use aftercall_engine::command::{Command, OperationsCommand};
use aftercall_engine::entry::Entry;
use aftercall_engine::erasure::{Erasure, ErasureChange};
use aftercall_engine::world::{Root, World};

/// Whether the start of an erasure lists every call of its caller in memory, even if its search is
/// old.
pub(crate) fn names_all_calls(world: &World, request: &Request, entry: &Entry) -> bool {
    let Command::Operations(OperationsCommand::EraseCaller(erase)) = &request.command else {
        return true;
    };
    let (Some(look), Some(ErasureChange::Started(erasure))) = (&erase.look, &entry.erasure) else {
        return true;
    };
    let is_named = |call: &Arc<Call>| {
        let key = (&call.key, call.created_at);
        erasure
            .calls
            .iter()
            .find(|one| (&one.key, one.created_at) == key)
            .is_some_and(|one| {
                one.instances.len() == call.instances.len() || call.sequence <= look.sequence
            })
    };
    world
        .root()
        .all_calls_of(&look.caller, &erase.customer)
        .all(is_named)
}

/// Whether no typed text is left in the instances of masked calls. Arbitrary steps type outcomes
/// that no definition declares.
pub(crate) fn has_no_data(root: &Root, erasure: &Erasure) -> bool {
    erasure
        .calls
        .iter()
        .zip(&erasure.masked_at)
        .all(|(erased, upto)| {
            let call = root
                .call(&erased.key)
                .filter(|call| call.created_at == erased.created_at);
            let slots = call.iter().flat_map(|call| call.instances.iter());
            let masked = slots
                .filter_map(|slot| root.instance_at(*slot))
                .filter(|one| one.sequence <= *upto);
            masked
                .map(|one| &one.ending)
                .all(|ending| **ending != *"by-hand")
        })
}
