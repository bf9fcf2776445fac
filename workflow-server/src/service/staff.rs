//! The people who follow up: who is away, and what a person has done.

pub(super) mod day;

use std::sync::Arc;

use aftercall_engine::away::Away;
use aftercall_engine::command::{EndAway, SetAway};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::staff_service_server::StaffService;
use aftercall_serving::asked::Asked;

use crate::limits::AWAY_LISTED_MAX;
use crate::service::ask::{Asking, Faults, requests};
use crate::service::rpcs::rpcs;
use crate::service::say::{Refusal, convert};
use crate::service::shared::{Services, Shared};

/// The service.
pub struct Staff(pub Arc<Services>);

rpcs! {
    StaffService for Staff {
        set_away(proto::SetAwayRequest) -> proto::SetAwayResponse = set_away;
        end_away(proto::EndAwayRequest) -> proto::EndAwayResponse = end_away;
        list_away(proto::ListAwayRequest) -> proto::ListAwayResponse = list_away;
        get_day(proto::GetDayRequest) -> Ready<proto::GetDayResponse> = day::get;
    }
}

pub(super) async fn set_away(
    shared: &Shared,
    asked: Asked<proto::SetAwayRequest>,
) -> Result<proto::SetAwayResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let until = request.until.map(requests::time);
    match until {
        None => faults.add("until", "must be given"),
        Some(None) => faults.add("until", "is not a moment"),
        Some(Some(_)) => {}
    }
    let command = SetAway {
        person: request.person.trim().into(),
        until: until.flatten().unwrap_or_default(),
        instead: request.instead.trim().into(),
    };
    let asking = Asking::of_person(&asked).with_errors(faults);
    let sequence = shared.execute(asking, command).await?.sequence;
    Ok(proto::SetAwayResponse { sequence })
}

pub(super) async fn end_away(
    shared: &Shared,
    asked: Asked<proto::EndAwayRequest>,
) -> Result<proto::EndAwayResponse, Refusal> {
    let command = EndAway {
        person: asked.request.person.trim().into(),
    };
    let asking = Asking::of_person(&asked);
    let sequence = shared.execute(asking, command).await?.sequence;
    Ok(proto::EndAwayResponse { sequence })
}

pub(super) async fn list_away(
    shared: &Shared,
    _asked: Asked<proto::ListAwayRequest>,
) -> Result<proto::ListAwayResponse, Refusal> {
    let (view, now) = (shared.view(), shared.ledger.now());
    let mut away: Vec<_> = view
        .absences(now)
        .take(AWAY_LISTED_MAX + 1)
        .map(|(away, recipient)| shown(away, recipient))
        .collect();
    let more = away.len() > AWAY_LISTED_MAX;
    away.truncate(AWAY_LISTED_MAX);
    Ok(proto::ListAwayResponse {
        away,
        more,
        sequence: view.sequence(),
    })
}

fn shown(away: &Away, recipient: &str) -> proto::Away {
    proto::Away {
        person: away.person.to_string(),
        until: Some(convert::timestamp(away.until)),
        instead: away.instead.to_string(),
        recipient: recipient.to_owned(),
        set_by: away.set_by.name.to_string(),
        set_at: Some(convert::timestamp(away.set_at)),
    }
}
