//! `aftercall view`: saved views of follow-ups, of a person or of a team.

use aftercall_proto::workflow::v1::{
    FollowUpFilter, ListViewsRequest, RemoveViewRequest, SaveViewRequest, SavedView,
};
use clap::Subcommand;

use crate::commands::calls::ListedFilter;
use crate::connect;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::wording;

const ROWS: Table<'_> = Table {
    columns: &[
        id("view"),
        name("of team", 2),
        whole("follow-ups", 0),
        whole("overdue", 0),
        sentence("selects", 1),
    ],
    empty: "No view is saved. `aftercall view save` saves one.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum View {
    /// Save a view, or change what it selects
    #[command(after_help = "\
Examples:
  aftercall view save 'Late refunds' --workflow refund --overdue
  aftercall view save 'Nobody has it' --of-team billing --team billing --unclaimed

It is your own view. With --of-team it belongs to that team: everybody who works for it sees it. That needs the role supervisor or
author.")]
    Save {
        /// Its name
        #[arg(value_name = "VIEW")]
        name: String,
        /// The team that owns it; without this you do
        #[arg(long, value_name = "TEAM")]
        of_team: Option<String>,
        #[command(flatten)]
        filter: Box<ListedFilter>,
    },
    /// List your views and those of teams, and count what they select
    #[command(after_help = "Example:\n  aftercall view list")]
    List {
        /// Only of this team, besides your own
        #[arg(long = "of-team", value_name = "TEAM")]
        of_teams: Vec<String>,
    },
    /// Remove a view
    #[command(after_help = "Example:\n  aftercall view remove 'Late refunds'")]
    Remove {
        /// Its name
        #[arg(value_name = "VIEW")]
        name: String,
        /// The team that owns it; without this you do
        #[arg(long, value_name = "TEAM")]
        of_team: Option<String>,
    },
}

impl View {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Save {
                name,
                of_team,
                filter,
            } => save(session, (name, of_team), *filter).await,
            Self::List { of_teams } => list(session, of_teams).await,
            Self::Remove { name, of_team } => remove(session, name, of_team).await,
        }
    }
}

async fn save(
    session: &Session,
    (name, of_team): (String, Option<String>),
    filter: ListedFilter,
) -> Result<(), Failure> {
    let request = SaveViewRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        team: of_team.unwrap_or_default(),
        view: name.clone(),
        filter: Some(filter.resolve(session).await?),
        expected_revision: None,
    };
    let mut client = session.to.views().await?;
    let answer = client.save_view(request).await?.into_inner();
    session
        .output
        .one(&answer, || vec![format!("Saved {name}.")])
}

async fn list(session: &Session, teams: Vec<String>) -> Result<(), Failure> {
    let mut client = session.to.views().await?;
    let request = ListViewsRequest {
        person: session.to.actor.clone(),
        teams,
        without_counts: false,
    };
    let answer = client.list_views(request).await?.into_inner();
    session.output.list(&answer.views, &ROWS, cells)?;
    if answer.more {
        remark("There are more: `--of-team` shows those of one team.");
    }
    Ok(())
}

async fn remove(session: &Session, name: String, of_team: Option<String>) -> Result<(), Failure> {
    let request = RemoveViewRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        team: of_team.unwrap_or_default(),
        view: name.clone(),
        expected_revision: None,
    };
    let mut client = session.to.views().await?;
    let answer = client.remove_view(request).await?.into_inner();
    session
        .output
        .one(&answer, || vec![format!("Removed {name}.")])
}

fn cells(view: &SavedView) -> Vec<String> {
    let counts = view.counts.unwrap_or_default();
    vec![
        view.name.clone(),
        view.team.clone(),
        counts.follow_ups.to_string(),
        counts.overdue.to_string(),
        selects(view.filter.as_ref().unwrap_or(&FollowUpFilter::default())),
    ]
}

/// What a filter selects, in the words of the options.
fn selects(filter: &FollowUpFilter) -> String {
    let of = |word: &str, values: &[String]| {
        (!values.is_empty()).then(|| format!("{word} {}", values.join(" or ")))
    };
    let stages: Vec<String> = filter
        .stages
        .iter()
        .map(|one| format!("{} {}", one.workflow, one.stage))
        .collect();
    let priorities: Vec<String> = filter
        .priorities()
        .map(|one| wording::priority(one).to_owned())
        .collect();
    let text = (!filter.text.is_empty()).then(|| format!("text \"{}\"", filter.text));
    let parts = [
        of("team", &filter.teams),
        of("customer", &filter.customers),
        of("workflow", &filter.workflows),
        of("stage", &stages),
        of("priority", &priorities),
        of("held by", &filter.holders),
        filter.unclaimed.then(|| "unclaimed".to_owned()),
        filter.overdue.then(|| "overdue".to_owned()),
        text,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "all".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_says_what_it_selects() {
        let filter = FollowUpFilter {
            teams: vec!["billing".to_owned(), "care".to_owned()],
            priorities: vec![3],
            overdue: true,
            text: "crate".to_owned(),
            ..Default::default()
        };
        assert_eq!(
            selects(&filter),
            "team billing or care, priority high, overdue, text \"crate\""
        );
        assert_eq!(selects(&FollowUpFilter::default()), "all");
    }
}
