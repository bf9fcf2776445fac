//! `aftercall claim`, `claim-next`, `extend`, `release`, `take-over`, `hand-over`: who works on
//! which follow-up.
//!
//! Promise: the holder and the end of the claim are shown, as the server answered. Must not: decide
//! who may.

use std::time::Duration;

use aftercall_proto::workflow::v1::{
    ClaimFollowUpRequest, ClaimNextRequest, ClaimNextResponse, ExtendClaimRequest, FollowUp,
    HandOverRequest, HandOverResult, ReleaseClaimRequest, TakeOverRequest,
};
use clap::Args;
use jiff::Timestamp;

use super::calls::Filter;
use super::names;
use crate::errors::{Exit, Failure};
use crate::output::{Output, remark};
use crate::session::Session;
use crate::table::{Table, id, name, sentence};
use crate::{connect, time, wording};

const GIVEN: Table<'_> = Table {
    columns: &[
        id("id"),
        sentence("given", 1),
        name("workflow", 2),
        name("stage", 3),
        name("held by", 4),
    ],
    empty: "There was nothing to give.",
};

commands! {
    Claims:
    /// Claim a follow-up, so that nobody else works on it; if you hold it already, extend the claim
    Claim(Claim),
    /// Claim the most urgent follow-up that nobody holds
    ClaimNext(ClaimNext),
    /// Extend your claim of a follow-up
    Extend(Extend),
    /// Release a follow-up that you hold
    Release(Release),
    /// Take over a follow-up that somebody else holds
    TakeOver(TakeOver),
    /// Give follow-ups to a person or a team
    HandOver(HandOver),
}

/// For how long.
#[derive(Debug, Args)]
struct Lease {
    /// For how long, from a second to a day [default: 15m]
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    lease: Option<Duration>,
}

impl Lease {
    fn span(&self) -> Option<prost_types::Duration> {
        self.lease.map(time::proto_span)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  aftercall claim ID\n  aftercall claim ID --lease 2h")]
pub(crate) struct Claim {
    /// Which follow-up
    id: String,
    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall claim-next --team billing\n  aftercall claim-next --priority urgent"
)]
pub(crate) struct ClaimNext {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  aftercall extend ID --lease 1h")]
pub(crate) struct Extend {
    /// Which follow-up
    id: String,
    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  aftercall release ID")]
pub(crate) struct Release {
    /// Which follow-up
    id: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  aftercall take-over ID --reason \"Ann is ill\"")]
pub(crate) struct TakeOver {
    /// Which follow-up
    id: String,
    /// Why; it stays in the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall hand-over ID ID --to-person ben
  aftercall hand-over --all-of ann --to-team payments --reason \"end of shift\"
  aftercall hand-over --all-of ann --release --dry-run")]
pub(crate) struct HandOver {
    /// Which follow-ups
    #[arg(value_name = "ID", required_unless_present = "all_of")]
    ids: Vec<String>,
    /// All that this person holds
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    all_of: Option<String>,
    /// To this person
    #[arg(long, value_name = "NAME", required_unless_present_any = ["to_team", "release"])]
    to_person: Option<String>,
    /// To this team
    #[arg(long, value_name = "TEAM", conflicts_with = "to_person")]
    to_team: Option<String>,
    /// Back to the teams that they are for: nobody holds them afterwards
    #[arg(long, conflicts_with_all = ["to_person", "to_team"])]
    release: bool,
    /// Only show what would be given
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Why; needed for what another person holds
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    #[command(flatten)]
    lease: Lease,
}

impl HandOver {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        names::check(session, self.to_team.as_slice(), &[]).await?;
        let request = HandOverRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_ids: self.ids,
            all_of: self.all_of.unwrap_or_default(),
            to_person: self.to_person.unwrap_or_default(),
            to_team: self.to_team.unwrap_or_default(),
            lease: self.lease.span(),
            reason: self.reason,
            read_mask: None,
            release: self.release,
            dry_run: self.dry_run,
        };
        let answer = session
            .to
            .calls()
            .await?
            .hand_over(request)
            .await?
            .into_inner();
        session.output.list(&answer.results, &GIVEN, given)?;
        if answer.remaining > 0 {
            remark(&format!(
                "{} more are held: ask once more.",
                answer.remaining
            ));
        }
        let refused = answer
            .results
            .iter()
            .filter(|result| !result.reason.is_empty())
            .count();
        match refused {
            0 => Ok(()),
            _ => Err(Failure::new(
                Exit::Precondition,
                format!("{refused} of {} were not given.", answer.results.len()),
            )),
        }
    }
}

fn given(result: &HandOverResult) -> Vec<String> {
    let Some(follow_up) = &result.follow_up else {
        let none = String::new;
        return vec![
            result.instance_id.clone(),
            format!("no: {}", result.message),
            none(),
            none(),
            none(),
        ];
    };
    let holder = follow_up
        .claim
        .as_ref()
        .map(|claim| claim.holder.clone())
        .unwrap_or_default();
    let stage = wording::stage_of(follow_up);
    vec![
        result.instance_id.clone(),
        match &*result.instead {
            "" => "yes".to_owned(),
            holder => format!("yes, to {holder} instead"),
        },
        follow_up.workflow.clone(),
        stage,
        holder,
    ]
}

impl Claim {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = ClaimFollowUpRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            lease: self.lease.span(),
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .claim_follow_up(request)
            .await?
            .into_inner();
        session
            .output
            .one(&answer, || held(answer.follow_up.as_ref(), now))
    }
}

impl ClaimNext {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let filter = self.filter.resolve(session).await?;
        let now = session.now().await?;
        let request = ClaimNextRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            lease: self.lease.span(),
            filter: Some(filter),
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .claim_next(request)
            .await?
            .into_inner();
        if answer.follow_up.is_none() && session.output.is_json() {
            return session
                .output
                .json(&nothing_claimed(session.output, &answer)?);
        }
        session
            .output
            .one(&answer, || held(answer.follow_up.as_ref(), now))
    }
}

impl Extend {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = ExtendClaimRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            lease: self.lease.span(),
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .extend_claim(request)
            .await?
            .into_inner();
        session
            .output
            .one(&answer, || held(answer.follow_up.as_ref(), now))
    }
}

impl Release {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = ReleaseClaimRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .release_claim(request)
            .await?
            .into_inner();
        session
            .output
            .one(&answer, || held(answer.follow_up.as_ref(), now))
    }
}

impl TakeOver {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = TakeOverRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            lease: self.lease.span(),
            reason: self.reason,
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .take_over(request)
            .await?
            .into_inner();
        session
            .output
            .one(&answer, || held(answer.follow_up.as_ref(), now))
    }
}

/// The JSON answer when nothing was claimed: the field is present and null.
fn nothing_claimed(
    output: Output,
    answer: &ClaimNextResponse,
) -> Result<serde_json::Value, Failure> {
    let mut value = output.value(answer)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("follow_up".to_owned(), serde_json::Value::Null);
    }
    Ok(value)
}

/// Who holds it now, and what to do next.
fn held(follow_up: Option<&FollowUp>, now: Timestamp) -> Vec<String> {
    let Some(follow_up) = follow_up else {
        return vec!["Nothing is waiting unclaimed.".to_owned()];
    };
    let stage = wording::stage_of(follow_up);
    let Some(claim) = &follow_up.claim else {
        return vec![format!(
            "Nobody holds {} now; it is in stage {stage}.",
            follow_up.instance_id
        )];
    };
    let until = time::relative(claim.until.as_ref(), now);
    let mut lines = vec![
        format!(
            "{} holds {}; the lease ends {until}.",
            claim.holder, follow_up.instance_id
        ),
        format!("  {} in stage {stage}", follow_up.workflow),
    ];
    lines.extend(
        follow_up
            .alerts
            .iter()
            .map(|alert| format!("  {}", alert.text)),
    );
    let buttons = wording::buttons(follow_up);
    lines.extend((!buttons.is_empty()).then(|| format!("  buttons: {buttons}")));
    lines
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::Claim;

    use super::*;
    use crate::output::Form;

    #[test]
    fn the_holder_is_shown() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(held(None, now), ["Nothing is waiting unclaimed."]);
        let json = nothing_claimed(
            Output::new(Form::Json),
            &ClaimNextResponse {
                sequence: 7,
                ..ClaimNextResponse::default()
            },
        )
        .unwrap();
        assert_eq!(json, serde_json::json!({"follow_up": null, "sequence": 7}));
        let free = FollowUp {
            instance_id: "1-2-3".to_owned(),
            ..FollowUp::default()
        };
        assert!(held(Some(&free), now)[0].starts_with("Nobody holds 1-2-3"));
        let held_by = FollowUp {
            claim: Some(Claim {
                holder: "Ann".to_owned(),
                ..Claim::default()
            }),
            ..free
        };
        assert!(held(Some(&held_by), now)[0].starts_with("Ann holds 1-2-3"));
    }
}
