//! What lists and pages say about a workflow as a whole.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::{
    CountInstancesRequest, GroupBy, InstanceFilter, ListWorkflowsRequest, WorkflowSummary,
};

use crate::people::Person;
use crate::trouble::Trouble;
use crate::words::Words;

/// The largest page that the server returns.
const PAGE_SIZE: u32 = 1_000;

/// All workflows, by name.
pub(crate) async fn all(person: &Person) -> Result<Vec<WorkflowSummary>, Trouble> {
    let mut client = person.definitions();
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListWorkflowsRequest {
            page_size: PAGE_SIZE,
            page_token,
            include_archived: true,
        };
        let page = client.list_workflows(request).await?.into_inner();
        found.extend(page.workflows);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

/// One workflow.
///
/// # Errors
/// [`Trouble::NotFound`].
pub(crate) async fn named(person: &Person, name: &str) -> Result<WorkflowSummary, Trouble> {
    let mut found = all(person).await?.into_iter();
    found.find(|one| one.name == name).ok_or(Trouble::NotFound)
}

/// How many instances are open, by workflow and version. Only of one workflow, if one is named.
pub(crate) async fn open_instances(
    person: &Person,
    workflow: Option<&str>,
) -> Result<BTreeMap<String, BTreeMap<u32, u64>>, Trouble> {
    let workflows = workflow.map(str::to_owned);
    let request = CountInstancesRequest {
        filter: Some(InstanceFilter {
            workflows: workflows.into_iter().collect(),
            ..InstanceFilter::default()
        }),
        group_by: GroupBy::Version.into(),
    };
    let counts = person.operations().count_instances(request).await?;
    let mut open: BTreeMap<String, BTreeMap<u32, u64>> = BTreeMap::new();
    for count in counts.into_inner().counts {
        if let Some((name, version)) = group(&count.group) {
            open.entry(name.to_owned())
                .or_default()
                .insert(version, count.count);
        }
    }
    Ok(open)
}

/// The workflow and the version of a group, which is `refund, version 2`.
fn group(text: &str) -> Option<(&str, u32)> {
    let (name, version) = text.rsplit_once(", version ")?;
    Some((name, version.parse().ok()?))
}

/// The state of a workflow in words.
pub(crate) fn state<'a>(words: &'a Words, summary: &WorkflowSummary) -> Vec<&'a str> {
    let words = &words.workflows;
    let mut state = Vec::new();
    if summary.archived {
        state.push(words.archived.as_str());
    } else if summary.newest_version > 0 {
        state.push(words.in_use.as_str());
    } else {
        state.push(words.unpublished.as_str());
    }
    if summary.has_draft && summary.newest_version > 0 {
        state.push(words.has_draft.as_str());
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_name_a_workflow_and_a_version() {
        assert_eq!(group("refund, version 12"), Some(("refund", 12)));
        assert_eq!(group("refund, stage 2"), None);
    }
}
