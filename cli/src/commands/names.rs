//! Names in filters: a misspelt one is an error, because an empty list looks like good news.
//!
//! Promise: what is probably meant is named. Must not: filter.

use aftercall_proto::workflow::v1::{
    CountInstancesRequest, GroupBy, ListTeamsRequest, ListVersionsRequest, ListWorkflowsRequest,
};

use crate::authoring::nearest;
use crate::errors::{Exit, Failure};
use crate::output::remark;
use crate::session::Session;

/// The largest page that the server returns.
const PAGE_SIZE: u32 = 1_000;

/// Fails where a team or a workflow is named that the server does not have.
pub(crate) async fn check(
    session: &Session,
    teams: &[String],
    workflows: &[String],
) -> Result<(), Failure> {
    if !teams.is_empty() {
        let known = session
            .to
            .definitions()
            .await?
            .list_teams(ListTeamsRequest {})
            .await?
            .into_inner()
            .teams;
        let known: Vec<String> = known.into_iter().map(|team| team.name).collect();
        unknown("team", teams, &known)?;
    }
    if !workflows.is_empty() {
        unknown("workflow", workflows, &known_workflows(session).await?)?;
    }
    Ok(())
}

/// The same for a stream, which the alerter serves also while the workflow-server is away: then
/// nothing is checked.
pub(crate) async fn check_of_stream(
    session: &Session,
    teams: &[String],
    workflows: &[String],
) -> Result<(), Failure> {
    match check(session, teams, workflows).await {
        Err(failure) if failure.exit() == Exit::Unavailable => Ok(()),
        checked => checked,
    }
}

/// Fails where versions are named that none of the workflows has. Without a workflow nothing is
/// checked.
pub(crate) async fn check_versions(
    session: &Session,
    workflows: &[String],
    versions: &[u32],
) -> Result<(), Failure> {
    if workflows.is_empty() || versions.is_empty() {
        return Ok(());
    }
    let mut newest = 0;
    for name in workflows {
        // The first page has the newest ones.
        let request = ListVersionsRequest {
            name: name.clone(),
            page_token: String::new(),
        };
        let page = session
            .to
            .definitions()
            .await?
            .list_versions(request)
            .await?
            .into_inner();
        newest = page
            .versions
            .iter()
            .map(|version| version.version)
            .fold(newest, u32::max);
    }
    match versions
        .iter()
        .find(|&&version| version == 0 || version > newest)
    {
        None => Ok(()),
        Some(version) => Err(Failure::not_found(format!(
            "There is no version {version} of {}; the newest is {newest}.",
            workflows.join(" or ")
        ))),
    }
}

/// The names of all workflows of the server.
pub(crate) async fn known_workflows(session: &Session) -> Result<Vec<String>, Failure> {
    let mut definitions = session.to.definitions().await?;
    let (mut known, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListWorkflowsRequest {
            page_size: PAGE_SIZE,
            page_token,
            include_archived: true,
        };
        let page = definitions.list_workflows(request).await?.into_inner();
        known.extend(page.workflows.into_iter().map(|workflow| workflow.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(known);
        }
    }
}

/// Where nothing was found of a customer, says which was probably meant. A customer without work is
/// no error: nobody declares customers.
pub(crate) async fn advise_customers(session: &Session, customers: &[String]) {
    if customers.is_empty() {
        return;
    }
    let request = CountInstancesRequest {
        filter: None,
        group_by: GroupBy::Customer.into(),
    };
    let Ok(mut operations) = session.to.operations().await else {
        return;
    };
    let Ok(counted) = operations.count_instances(request).await else {
        return;
    };
    let known: Vec<String> = counted
        .into_inner()
        .counts
        .into_iter()
        .map(|count| count.group)
        .collect();
    if let Err(failure) = unknown("open follow-up of the customer", customers, &known) {
        remark(failure.sentence());
    }
}

fn unknown(what: &str, named: &[String], known: &[String]) -> Result<(), Failure> {
    let Some(name) = named.iter().find(|name| !known.contains(name)) else {
        return Ok(());
    };
    let meant = nearest(name, known.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(" Did you mean {meant}?"));
    Err(Failure::not_found(format!(
        "There is no {what} {name}.{meant}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_suggests_the_nearest() {
        let known = ["billing".to_owned(), "payments".to_owned()];
        let check = |name: &str| {
            unknown("team", &[name.to_owned()], &known)
                .map_err(|failure| failure.sentence().to_owned())
        };
        assert_eq!(check("billing"), Ok(()));
        assert_eq!(
            check("biling"),
            Err("There is no team biling. Did you mean billing?".to_owned())
        );
        assert_eq!(check("zzz"), Err("There is no team zzz.".to_owned()));
    }
}
