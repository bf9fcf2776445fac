//! `aftercall ack`: records that a person has seen an alert.
//!
//! Promise: everybody sees who was first. Must not: choose among several alerts.

use aftercall_client::Connection;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::{AcknowledgeAlertRequest, Alert, FollowUp, GetFollowUpRequest};
use clap::Args;

use crate::errors::Failure;
use crate::session::Session;
use crate::{connect, time, wording};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall ack ID\n  aftercall ack ID 2.1.1\n  aftercall ack ID 2.1.1 --escalations 1"
)]
pub(crate) struct Ack {
    /// Which follow-up
    id: String,
    #[command(flatten)]
    alert: WhichAlert,
}

/// Which alert of a follow-up, as the person saw it.
#[derive(Debug, Args)]
pub(super) struct WhichAlert {
    /// Which alert, by its id [default: the only one]
    alert: Option<String>,
    /// How many times it had become more urgent when you saw it; one that is more urgent since is
    /// refused [default: as it is now]
    #[arg(long, value_name = "N")]
    escalations: Option<u32>,
}

/// An alert as the person saw it.
#[derive(Debug)]
pub(super) struct SeenAlert {
    /// Its id.
    pub(super) id: String,
    /// How many times it had become more urgent.
    pub(super) escalations: u32,
    /// Its team; empty where it was not read.
    pub(super) team: String,
}

impl WhichAlert {
    /// The alert as the options name it, and what they leave out as it is now.
    pub(super) async fn seen(
        self,
        id: &str,
        client: &mut CallManagerServiceClient<Connection>,
    ) -> Result<SeenAlert, Failure> {
        if let (Some(id), Some(escalations)) = (&self.alert, self.escalations) {
            return Ok(SeenAlert {
                id: id.clone(),
                escalations,
                team: String::new(),
            });
        }
        let request = GetFollowUpRequest {
            instance_id: id.to_owned(),
            read_mask: None,
        };
        let follow_up = client
            .get_follow_up(request)
            .await?
            .into_inner()
            .follow_up
            .unwrap_or_default();
        let alert = match self.alert {
            Some(alert) => alert,
            None => only_alert(&follow_up)?,
        };
        let present = follow_up
            .alerts
            .into_iter()
            .find(|present| present.id == alert)
            .unwrap_or_default();
        let escalations = self.escalations.unwrap_or(present.escalations);
        Ok(SeenAlert {
            id: alert,
            escalations,
            team: present.team,
        })
    }
}

impl Ack {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.calls().await?;
        let SeenAlert {
            id: alert_id,
            escalations,
            team,
        } = self.alert.seen(&self.id, &mut client).await?;
        let request = AcknowledgeAlertRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            alert_id: alert_id.clone(),
            escalations,
            team,
            read_mask: None,
        };
        let answer = client.acknowledge_alert(request).await?.into_inner();
        session.output.one(&answer, || {
            let alerts = answer
                .follow_up
                .as_ref()
                .map(|follow_up| follow_up.alerts.as_slice())
                .unwrap_or_default();
            alerts
                .iter()
                .filter(|alert| alert.id == alert_id)
                .map(seen)
                .collect()
        })
    }
}

/// An alert with its id, as one of several.
fn named(alert: &Alert) -> String {
    format!(
        "  {}  {}{}",
        alert.id,
        alert.text,
        wording::escalated(alert.escalations)
    )
}

fn seen(alert: &Alert) -> String {
    format!(
        "Seen by {} at {}: {}",
        alert.acknowledged_by,
        time::local(alert.acknowledged_at.as_ref()),
        alert.text
    )
}

/// The only alert, where none was named.
fn only_alert(follow_up: &FollowUp) -> Result<String, Failure> {
    match follow_up.alerts.as_slice() {
        [alert] => Ok(alert.id.clone()),
        [] => Err(Failure::refused("The follow-up has no alert.".to_owned())),
        several => {
            let list: Vec<String> = several.iter().map(named).collect();
            Err(Failure::usage(format!(
                "The follow-up has several alerts: name one of them.\n{}",
                list.join("\n")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Exit;

    #[test]
    fn one_of_several_alerts_must_be_named() {
        let alert = |id: &str| Alert {
            id: id.to_owned(),
            text: format!("alert {id}"),
            ..Alert::default()
        };
        let with = |alerts: Vec<Alert>| FollowUp {
            alerts,
            ..FollowUp::default()
        };
        assert_eq!(only_alert(&with(vec![alert("1.1.1")])).unwrap(), "1.1.1");
        assert_eq!(
            only_alert(&with(Vec::new())).unwrap_err().exit(),
            Exit::Refused
        );
        let several = only_alert(&with(vec![alert("1.1.1"), alert("1.1.2")])).unwrap_err();
        assert_eq!(several.exit(), Exit::Usage);
        assert!(several.sentence().contains("1.1.2  alert 1.1.2"));
        let escalated = only_alert(&with(vec![
            alert("1.1.1"),
            Alert {
                escalations: 2,
                ..alert("1.1.2")
            },
        ]))
        .unwrap_err();
        assert!(
            escalated
                .sentence()
                .contains("1.1.2  alert 1.1.2, became more urgent 2 times")
        );
    }
}
