//! Teams that share their work fairly: their agents get a follow-up only as the next one.
//!
//! Promise: a page offers no button that the server would refuse for this. The server decides: where
//! the teams cannot be read, all buttons are offered.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{FollowUp, ListTeamsRequest};

use crate::people::Person;

/// The teams whose follow-ups a person gets only as the next one.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    me: String,
    teams: Vec<String>,
}

impl Shares {
    /// The teams of a person. Teams that are out of the person's scope do not count.
    pub(crate) async fn of(person: &Person) -> Self {
        let me = person.name.clone();
        if person.may(&[Role::Supervisor, Role::Operator]) {
            return Self { me, teams: vec![] };
        }
        let listed = person.definitions().list_teams(ListTeamsRequest {}).await;
        let listed = listed.map(|listed| listed.into_inner().teams);
        let shared = listed.unwrap_or_default().into_iter();
        let shared = shared.filter(|team| team.claim_next_only && person.is_in_scope(&team.name));
        let teams = shared.map(|team| team.name).collect();
        Self { me, teams }
    }

    /// Whether the person may not choose this follow-up. What the person holds is chosen.
    pub(crate) fn has(&self, one: &FollowUp) -> bool {
        let holder = one.claim.as_ref().map(|claim| claim.holder.as_str());
        let alerts = one.alerts.iter();
        let mut teams =
            alerts.flat_map(|alert| std::iter::once(&alert.team).chain(&alert.added_teams));
        holder != Some(self.me.as_str()) && teams.any(|team| self.teams.contains(team))
    }

    /// The teams, as the script of the board reads them.
    pub(crate) fn names(&self) -> String {
        self.teams.join("\u{1f}")
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{Alert, Claim};

    use super::*;

    fn one(teams: &[&str], holder: &str) -> FollowUp {
        let alerts = teams.iter().map(|team| Alert {
            team: (*team).to_owned(),
            ..Alert::default()
        });
        FollowUp {
            alerts: alerts.collect(),
            claim: (!holder.is_empty()).then(|| Claim {
                holder: holder.to_owned(),
                ..Claim::default()
            }),
            ..FollowUp::default()
        }
    }

    #[test]
    fn what_a_person_holds_is_chosen() {
        let shares = Shares {
            me: "Ann".to_owned(),
            teams: vec!["billing".to_owned()],
        };
        for (teams, holder, is_shared) in [
            (&["billing"][..], "", true),
            (&["care", "billing"], "", true),
            (&["billing"], "Ben", true),
            (&["billing"], "Ann", false),
            (&["care"], "", false),
            (&[], "", false),
        ] {
            assert_eq!(
                shares.has(&one(teams, holder)),
                is_shared,
                "{teams:?} {holder}"
            );
        }
        assert!(
            !Shares::default().has(&one(&["billing"], "")),
            "the control"
        );
    }
}
