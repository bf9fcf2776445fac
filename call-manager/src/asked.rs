//! The filter of the board, as its address and its forms have it.

use aftercall_proto::workflow::v1::{FollowUpFilter, Priority, WorkflowStage};
use serde::Deserialize;

use crate::people::Person;

/// Characters that the servers search for at most.
const TEXT_MAX: usize = 128;

/// The filter in the address of the board.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) team: String,
    pub(crate) customer: String,
    pub(crate) workflow: String,
    /// The workflow and the number of a stage, as `refund/2`.
    pub(crate) stage: String,
    pub(crate) priority: String,
    pub(crate) mine: String,
    pub(crate) unclaimed: String,
    pub(crate) overdue: String,
    pub(crate) q: String,
    /// Of the form that claims the next one.
    pub(crate) request_id: String,
}

impl Asked {
    fn workflow_stage(&self) -> Option<WorkflowStage> {
        let (workflow, number) = self.stage.rsplit_once('/')?;
        Some(WorkflowStage {
            workflow: workflow.to_owned(),
            stage: number.parse().ok()?,
        })
    }

    /// Whether it has one of the filters that small screens put aside.
    pub(crate) fn is_narrow(&self) -> bool {
        let more = [
            &self.team,
            &self.customer,
            &self.workflow,
            &self.stage,
            &self.priority,
        ];
        more.iter().any(|text| !text.is_empty())
    }

    /// The fields of its form, with what they have.
    pub(crate) fn pairs(&self) -> [(&'static str, &str); 9] {
        [
            ("q", &self.q),
            ("team", &self.team),
            ("customer", &self.customer),
            ("workflow", &self.workflow),
            ("stage", &self.stage),
            ("priority", &self.priority),
            ("mine", &self.mine),
            ("unclaimed", &self.unclaimed),
            ("overdue", &self.overdue),
        ]
    }

    /// As the servers know it. The browser applies it again: what is overdue changes with time.
    pub(crate) fn filter(&self, person: &Person) -> FollowUpFilter {
        let list = |text: &String| {
            let text = Some(text.clone()).filter(|text| !text.is_empty());
            text.into_iter().collect::<Vec<_>>()
        };
        let is_mine = !self.mine.is_empty();
        let priority = self.priority.parse::<i32>().ok();
        let priority = priority.and_then(|number| Priority::try_from(number).ok());
        let holder = is_mine.then(|| person.name.clone());
        FollowUpFilter {
            teams: list(&self.team),
            customers: list(&self.customer),
            workflows: list(&self.workflow),
            stages: self.workflow_stage().into_iter().collect(),
            priorities: priority.map(i32::from).into_iter().collect(),
            holders: holder.into_iter().collect(),
            unclaimed: !is_mine && !self.unclaimed.is_empty(),
            overdue: !self.overdue.is_empty(),
            text: self.q.trim().chars().take(TEXT_MAX).collect(),
            ..FollowUpFilter::default()
        }
    }
}
