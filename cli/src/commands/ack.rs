//! `aftercall ack`: says that a person has seen an alert.
//!
//! Promise: everybody is shown who has seen it first. Must not: choose among several alerts.

use aftercall_proto::workflow::v1::{AcknowledgeAlertRequest, Alert, FollowUp, GetFollowUpRequest};
use clap::Args;

use crate::{connect, errors::Failure, session::Session, time};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  aftercall ack ID\n  aftercall ack ID 2.1.1")]
pub(crate) struct Ack {
    /// Which follow-up
    id: String,
    /// Which alert, by its id [default: the only one there is]
    alert: Option<String>,
}

impl Ack {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.calls().await?;
        let alert_id = match self.alert {
            Some(alert) => alert,
            None => {
                let request = GetFollowUpRequest { instance_id: self.id.clone() };
                only_alert(&client.get_follow_up(request).await?.into_inner().follow_up.unwrap_or_default())?
            }
        };
        let request = AcknowledgeAlertRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            alert_id: alert_id.clone(),
        };
        let answer = client.acknowledge_alert(request).await?.into_inner();
        session.output.one(&answer, || {
            let alerts = answer.follow_up.as_ref().map(|follow_up| follow_up.alerts.as_slice()).unwrap_or_default();
            alerts.iter().filter(|alert| alert.id == alert_id).map(seen).collect()
        })
    }
}

fn seen(alert: &Alert) -> String {
    format!("Seen by {} at {}: {}", alert.acknowledged_by, time::local(alert.acknowledged_at.as_ref()), alert.text)
}

/// The one alert that there is, where none was named.
pub(super) fn only_alert(follow_up: &FollowUp) -> Result<String, Failure> {
    match follow_up.alerts.as_slice() {
        [alert] => Ok(alert.id.clone()),
        [] => Err(Failure::refused("The follow-up has no alert.".to_owned())),
        several => {
            let list: Vec<String> = several.iter().map(|alert| format!("  {}  {}", alert.id, alert.text)).collect();
            Err(Failure::usage(format!("The follow-up has several alerts: name one of them.\n{}", list.join("\n"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Exit;

    #[test]
    fn one_alert_need_not_be_named_and_several_must() {
        let alert = |id: &str| Alert { id: id.to_owned(), text: format!("alert {id}"), ..Alert::default() };
        let with = |alerts: Vec<Alert>| FollowUp { alerts, ..FollowUp::default() };
        assert_eq!(only_alert(&with(vec![alert("1.1.1")])).unwrap(), "1.1.1");
        assert_eq!(only_alert(&with(Vec::new())).unwrap_err().exit(), Exit::Refused);
        let several = only_alert(&with(vec![alert("1.1.1"), alert("1.1.2")])).unwrap_err();
        assert_eq!(several.exit(), Exit::Usage);
        assert!(several.sentence().contains("1.1.2  alert 1.1.2"));
    }
}
