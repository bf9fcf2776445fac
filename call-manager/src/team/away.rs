//! Who is away, until when, and who gets their new work meanwhile.

use aftercall_proto::workflow::v1::{Away, EndAwayRequest, ListAwayRequest, SetAwayRequest};
use prost_types::Timestamp;

use crate::people::Person;
use crate::trouble::Trouble;

/// Everybody who is away now; nobody where that cannot be read.
pub(super) async fn all(person: &Person) -> Vec<Away> {
    let listed = person.staff().list_away(ListAwayRequest {}).await;
    listed.map_or_else(|_| Vec::new(), |listed| listed.into_inner().away)
}

/// Sets that somebody is away.
///
/// # Errors
/// [`Trouble`].
pub(super) async fn set(
    person: &Person,
    (name, instead): (&str, &str),
    until: Option<Timestamp>,
    request_id: &str,
) -> Result<(), Trouble> {
    let request = SetAwayRequest {
        request_id: request_id.to_owned(),
        actor: person.actor(),
        person: named(person, name),
        until,
        instead: instead.to_owned(),
    };
    person.staff().set_away(request).await?;
    Ok(())
}

/// Sets that somebody is back.
///
/// # Errors
/// [`Trouble`].
pub(super) async fn end(person: &Person, name: &str, request_id: &str) -> Result<(), Trouble> {
    let request = EndAwayRequest {
        request_id: request_id.to_owned(),
        actor: person.actor(),
        person: named(person, name),
    };
    person.staff().end_away(request).await?;
    Ok(())
}

/// Empty for the person who asks: anybody may set that of themselves.
fn named(person: &Person, name: &str) -> String {
    match name == person.name {
        true => String::new(),
        false => name.to_owned(),
    }
}
