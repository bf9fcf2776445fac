//! What a caller is found by.

use aftercall_engine::world::caller_index::CallerKey;
use aftercall_proto::workflow::v1 as proto;

use crate::service::ask::{Faults, requests};
use crate::service::shared::Shared;

/// What a caller is found by; a fault where nothing is given that finds anybody.
pub(crate) fn key(
    shared: &Shared,
    caller: Option<&proto::Caller>,
    faults: &mut Faults,
) -> Option<CallerKey> {
    let key = caller
        .and_then(|caller| CallerKey::new(&requests::caller(caller.clone()), shared.desk.country));
    if key.is_none() {
        let message = match caller {
            Some(caller) if !caller.phone.is_empty() => {
                "must have a reference, a mail address or a telephone number; this one has no digits, or is withheld"
            }
            _ => "must have a reference, a telephone number or a mail address",
        };
        faults.add("caller", message);
    }
    key
}
