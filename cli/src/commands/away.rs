//! `aftercall away`: who is away, and who gets their new work instead.

use std::time::Duration;

use aftercall_proto::workflow::v1::{
    Away as AwayMessage, EndAwayRequest, ListAwayRequest, SetAwayRequest,
};
use clap::Subcommand;
use jiff::Timestamp;
use prost_types::Timestamp as ProtoTime;

use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, whole};
use crate::{connect, time};

const ROWS: Table<'_> = Table {
    columns: &[
        id("person"),
        whole("until", 1),
        name("instead", 2),
        name("work goes to", 3),
        name("set by", 4),
    ],
    empty: "Nobody is away.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum Away {
    /// Set that you are away; new work goes to the one whom you name
    #[command(after_help = "\
Examples:
  aftercall away set --for 2d --instead ben
  aftercall away set --person ann --until 2026-12-01T08:00 --instead ben

What you hold already stays yours: `aftercall hand-over --all-of` gives it away. For another person it needs the role supervisor.")]
    Set {
        /// Who is away [default: you]
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        person: String,
        /// Until this moment
        #[arg(long, value_name = "TIME", value_parser = time::parse_moment, required_unless_present = "span")]
        until: Option<ProtoTime>,
        /// For this long
        #[arg(long = "for", id = "span", value_name = "SPAN", value_parser = time::parse_span, conflicts_with = "until")]
        span: Option<Duration>,
        /// Who gets new work instead [default: nobody]
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        instead: String,
    },
    /// Set that you are back earlier
    #[command(after_help = "Examples:\n  aftercall away end\n  aftercall away end --person ann")]
    End {
        /// Who is back [default: you]
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        person: String,
    },
    /// List who is away
    #[command(after_help = "Example:\n  aftercall away list")]
    List,
}

impl Away {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Set {
                person,
                until,
                span,
                instead,
            } => {
                let until = match span {
                    Some(span) => Some(time::from_now(session.now().await?, span)),
                    None => until,
                };
                let request = SetAwayRequest {
                    request_id: connect::request_id(),
                    actor: session.to.actor.clone(),
                    person,
                    until,
                    instead,
                };
                let mut client = session.to.staff().await?;
                let answer = client.set_away(request).await?.into_inner();
                let until = time::local(until.as_ref());
                session
                    .output
                    .one(&answer, || vec![format!("Away until {until}.")])
            }
            Self::End { person } => {
                let request = EndAwayRequest {
                    request_id: connect::request_id(),
                    actor: session.to.actor.clone(),
                    person,
                };
                let mut client = session.to.staff().await?;
                let answer = client.end_away(request).await?.into_inner();
                session.output.one(&answer, || vec!["Back.".to_owned()])
            }
            Self::List => list(session).await,
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let mut client = session.to.staff().await?;
    let answer = client.list_away(ListAwayRequest {}).await?.into_inner();
    let now = session.now().await?;
    session
        .output
        .list(&answer.away, &ROWS, |away| cells(away, now))?;
    if answer.more {
        remark("There are more.");
    }
    Ok(())
}

fn cells(away: &AwayMessage, now: Timestamp) -> Vec<String> {
    vec![
        away.person.clone(),
        time::relative(away.until.as_ref(), now),
        away.instead.clone(),
        away.recipient.clone(),
        away.set_by.clone(),
    ]
}
