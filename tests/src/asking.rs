//! What most tests ask of a house with the refund in it.

use aftercall_proto::workflow::v1::{FollowUp, PushButtonRequest};
use tonic_types::StatusExt as _;

use crate::{Clients, House, REFUND, set_refund};

/// Pushes a button of a follow-up as it is.
pub fn push(follow_up: &FollowUp, button: &str, actor: &str) -> PushButtonRequest {
    PushButtonRequest {
        actor: actor.to_owned(),
        instance_id: follow_up.instance_id.clone(),
        button_id: button.to_owned(),
        stage: follow_up.stage.as_ref().map_or(0, |stage| stage.number),
        visit: follow_up.visit,
        ..PushButtonRequest::default()
    }
}

/// Sets the refund on a call where it does not run yet.
pub async fn set(clients: &mut Clients, call: &str, amount: f64) -> FollowUp {
    let answer = clients
        .scripts
        .set_workflow(set_refund(call, amount))
        .await
        .expect("it is set")
        .into_inner();
    assert!(answer.started);
    answer.follow_up.expect("the follow-up is in the answer")
}

/// Clients of a house in which the refund is published.
pub async fn with_refund(house: &House) -> Clients {
    let mut clients = house.clients().await;
    clients.teams(&["billing", "payments"]).await;
    assert_eq!(clients.publish(REFUND).await, 1);
    clients
}

/// The stable reason in a status.
pub fn reason(status: &tonic::Status) -> String {
    status
        .get_error_details()
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}
