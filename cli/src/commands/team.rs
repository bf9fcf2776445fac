//! `aftercall team`: declares the teams that alerts are for.
//!
//! Promise: a team file has the same form as `examples/teams.yaml`, and all of it is read before
//! anything is declared.

use std::path::{Path, PathBuf};

use aftercall_proto::workflow::v1::{
    GetTeamRequest, ImportTeamRequest, ListTeamsRequest, RemoveTeamRequest, Team as TeamMessage,
};
use clap::Subcommand;
use prost_types::Timestamp as ProtoTime;

use crate::authoring::reading::{read_text, shown};
use crate::authoring::teams::DeclaredTeam;
use crate::commands::history;
use crate::errors::Failure;
use crate::session::Session;
use crate::table::{Table, id, sentence};
use crate::{authoring, connect, time};

const ROWS: Table<'_> = Table {
    columns: &[id("name"), sentence("title", 1)],
    empty: "No team is declared. `aftercall team add` declares one.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum Team {
    /// Declare the teams of a file
    #[command(after_help = "Example:\n  aftercall team import examples/teams.yaml")]
    Import {
        /// A file with `teams: [{ name: billing, title: Billing }]`
        file: PathBuf,
    },
    /// Declare one team, or change its title or how its agents get work
    #[command(after_help = "Example:\n  aftercall team add billing --title \"Billing desk\"")]
    Add {
        /// Its name: lower-case letters, digits and hyphens
        name: String,
        /// What people call it
        #[arg(long)]
        title: String,
        /// Agents only claim the next follow-up: true or false [default: as it is, and false at first]
        #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
        claim_next_only: Option<bool>,
    },
    /// Remove a team that nothing uses, such as a misspelt one
    #[command(after_help = "\
Example:
  aftercall team remove biling

It is refused while a workflow names the team, an open follow-up has an alert for it, or a batch hands follow-ups over to it.
`aftercall team add` declares it again.")]
    Remove {
        /// Its name
        name: String,
    },
    /// List the teams
    #[command(after_help = "Example:\n  aftercall team list")]
    List,
    /// List what a person did, newest first
    #[command(after_help = "\
Examples:
  aftercall team day ann
  aftercall team day ann --since 2026-12-01T00:00 --until 2026-12-02T00:00

It needs the role supervisor or auditor.")]
    Day {
        /// The name of the person
        #[arg(value_name = "NAME")]
        person: String,
        /// From this moment [default: 24 hours ago]
        #[arg(long, value_name = "TIME", value_parser = time::parse_moment)]
        since: Option<ProtoTime>,
        /// Before this moment, at most two days later [default: now]
        #[arg(long, value_name = "TIME", value_parser = time::parse_moment)]
        until: Option<ProtoTime>,
    },
    /// Show one team
    #[command(after_help = "Example:\n  aftercall team show billing")]
    Show {
        /// Its name
        #[arg(value_name = "TEAM")]
        name: String,
    },
}

/// Declares a team of a file.
pub(crate) async fn import_one(
    session: &Session,
    declared: DeclaredTeam,
) -> Result<TeamMessage, Failure> {
    let claim_next_only = Some(declared.claim_next_only);
    declare(session, (declared.name, declared.title), claim_next_only).await
}

/// Declares a team. Without `claim_next_only` the team keeps what it has.
async fn declare(
    session: &Session,
    (name, title): (String, String),
    claim_next_only: Option<bool>,
) -> Result<TeamMessage, Failure> {
    let request = ImportTeamRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        name,
        title,
        expected_revision: None,
        claim_next_only,
    };
    let answer = session
        .to
        .definitions()
        .await?
        .import_team(request)
        .await?
        .into_inner();
    answer
        .team
        .ok_or_else(|| Failure::refused("The server declared the team but did not show it."))
}

impl Team {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Import { file } => import(session, &file).await,
            Self::Add {
                name,
                title,
                claim_next_only,
            } => {
                let team = declare(session, (name, title), claim_next_only).await?;
                session.output.one(&team, || {
                    vec![format!(
                        "Declared {}: {}{}.",
                        team.name,
                        team.title,
                        shares(&team)
                    )]
                })
            }
            Self::Remove { name } => remove(session, name).await,
            Self::Day {
                person,
                since,
                until,
            } => history::of_person(session, person, since, until).await,
            Self::List => {
                let teams = session
                    .to
                    .definitions()
                    .await?
                    .list_teams(ListTeamsRequest {})
                    .await?
                    .into_inner()
                    .teams;
                show(session, &teams)
            }
            Self::Show { name } => show_one(session, name).await,
        }
    }
}

async fn import(session: &Session, file: &Path) -> Result<(), Failure> {
    let text = read_text(file)?;
    let mut teams = Vec::new();
    for declared in authoring::teams::read(&shown(file), &text)? {
        teams.push(import_one(session, declared).await?);
    }
    show(session, &teams)
}

async fn remove(session: &Session, name: String) -> Result<(), Failure> {
    let request = RemoveTeamRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        name: name.clone(),
        expected_revision: None,
    };
    let mut client = session.to.definitions().await?;
    let answer = client.remove_team(request).await?.into_inner();
    session
        .output
        .one(&answer, || vec![format!("Removed {name}.")])
}

async fn show_one(session: &Session, name: String) -> Result<(), Failure> {
    let request = GetTeamRequest { name: name.clone() };
    let mut client = session.to.definitions().await?;
    let answer = client.get_team(request).await?.into_inner();
    let team = answer
        .team
        .ok_or_else(|| Failure::not_found(format!("There is no team {name}.")))?;
    session.output.one(&team, || {
        vec![format!("{}: {}{}", team.name, team.title, shares(&team))]
    })
}

/// How the agents of a team get work, where they do not choose it.
fn shares(team: &TeamMessage) -> &'static str {
    if team.claim_next_only {
        " (its agents only claim the next follow-up)"
    } else {
        ""
    }
}

fn show(session: &Session, teams: &[TeamMessage]) -> Result<(), Failure> {
    session.output.list(teams, &ROWS, |team| {
        let title = format!("{}{}", team.title, shares(team));
        vec![team.name.clone(), title]
    })
}
