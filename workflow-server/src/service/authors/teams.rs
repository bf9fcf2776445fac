//! Removing a team: what uses it is looked for before the ledger is asked, because that walks over
//! every follow-up.

use aftercall_engine::command::RemoveTeam;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::reading::Lane;
use crate::service::ask::{Asking, Prepared};
use crate::service::say::Refusal;
use crate::service::say::refusal::Reason;
use crate::service::shared::Shared;

/// How often the look is repeated where something has changed since.
const REMOVE_TRIES: usize = 3;

pub(crate) async fn remove(
    shared: &Shared,
    asked: Asked<proto::RemoveTeamRequest>,
) -> Result<proto::RemoveTeamResponse, Refusal> {
    let request = &asked.request;
    let mut tries = 1;
    loop {
        let asking = Asking::of_author(&asked);
        match shared.execute_new(asking, look(shared, request)).await {
            Err(refused) if refused.reason() == Reason::TeamMoved && tries < REMOVE_TRIES => {
                tries += 1;
            }
            answered => {
                return Ok(proto::RemoveTeamResponse {
                    sequence: answered?.sequence,
                });
            }
        }
    }
}

async fn look(shared: &Shared, request: &proto::RemoveTeamRequest) -> Result<Prepared, Refusal> {
    let view = shared.view();
    let found = match view.teams().place(&request.name) {
        // The ledger refuses it.
        None => None,
        Some(place) => {
            let search = shared.walk(Lane::Heavy, view, move |view, stop| {
                view.use_of_team(place, stop)
            });
            Some(Box::new(search.await?))
        }
    };
    let (name, expected) = (request.name.as_str().into(), request.expected_revision);
    Ok(Prepared::from(RemoveTeam {
        name,
        expected,
        found,
    }))
}
