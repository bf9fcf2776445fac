//! The operations desk's lists and counts: all instances, hidden and ended ones too. These walk every slot of the root;
//! callers run them off the threads that serve others.

use std::collections::HashMap;
use std::sync::Arc;

use crate::instance::{Instance, Status};
use crate::time::Time;
use crate::world::Root;

/// Which instances: fields are and-ed, values within one or-ed; an empty one lets everything through.
#[derive(Clone, Debug, Default)]
pub struct InstanceFilter {
    /// Workflows by name.
    pub workflows: Vec<Box<str>>,
    /// Versions.
    pub versions: Vec<u32>,
    /// Stage numbers.
    pub stages: Vec<u32>,
    /// States; empty for all that have not ended.
    pub statuses: Vec<Status>,
    /// Names of teams with an alert on it.
    pub teams: Vec<Box<str>>,
    /// Customers.
    pub customers: Vec<Box<str>>,
    /// Open but not visible, or not.
    pub hidden: Option<bool>,
    /// Past its due or deadline, or not.
    pub overdue: Option<bool>,
    /// Started at this moment or before.
    pub started_by: Option<Time>,
}

impl InstanceFilter {
    fn lets_through(&self, root: &Root, instance: &Instance, now: Time) -> bool {
        let of_status = if self.statuses.is_empty() {
            !instance.status.is_ended()
        } else {
            self.statuses.contains(&instance.status)
        };
        of_status
            && (self.versions.is_empty() || self.versions.contains(&instance.version))
            && (self.stages.is_empty() || self.stages.contains(&instance.stage))
            && self.started_by.is_none_or(|latest| instance.started_at <= latest)
            && self.overdue.is_none_or(|overdue| instance.is_overdue(now) == overdue)
            && self.hidden.is_none_or(|hidden| is_hidden(root, instance) == hidden)
            && (self.workflows.is_empty() || self.workflows.iter().any(|name| **name == *workflow_name(root, instance)))
            && (self.customers.is_empty() || self.customers.iter().any(|name| **name == *customer(root, instance)))
            && (self.teams.is_empty()
                || team_names(root, instance).any(|team| self.teams.iter().any(|name| **name == *team)))
    }
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct InstancePage {
    /// Oldest first.
    pub instances: Vec<Arc<Instance>>,
    /// The slot to go on after; none on the last page.
    pub next: Option<u32>,
}

/// Lists instances, oldest first, at most `rows_max`, after the slot.
#[must_use]
pub fn list_instances(
    root: &Root,
    filter: &InstanceFilter,
    now: Time,
    after: Option<u32>,
    rows_max: usize,
) -> InstancePage {
    let mut page = InstancePage::default();
    let first = after.map_or(0, |slot| slot as usize + 1);
    let rest = root.instances.skip(first.min(root.instances.len()));
    for instance in rest.iter().flatten().filter(|instance| filter.lets_through(root, instance, now)) {
        if page.instances.len() == rows_max {
            page.next = page.instances.last().map(|last| last.id.slot);
            break;
        }
        page.instances.push(instance.clone());
    }
    page
}

/// By what instances are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// All in one.
    All,
    /// By workflow.
    Workflow,
    /// By workflow and version.
    Version,
    /// By workflow and stage.
    Stage,
    /// By status.
    Status,
    /// By team; an instance counts in each of its teams.
    Team,
    /// By customer.
    Customer,
}

/// How many have something in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Of these, how many are overdue.
    pub overdue: u64,
    /// Of these, how many are hidden.
    pub hidden: u64,
    /// When the oldest was started.
    pub oldest_started_at: Option<Time>,
}

/// Counts instances in groups, the largest first; also gives how many match, each counted once.
#[must_use]
pub fn count_instances(root: &Root, filter: &InstanceFilter, by: GroupBy, now: Time) -> (Vec<Group>, u64) {
    let mut groups: HashMap<String, Group> = HashMap::new();
    let mut total = 0;
    for instance in root.instances.iter().flatten().filter(|instance| filter.lets_through(root, instance, now)) {
        total += 1;
        for name in group_names(root, instance, by) {
            let group = groups.entry(name).or_default();
            group.count += 1;
            group.overdue += u64::from(instance.is_overdue(now));
            group.hidden += u64::from(is_hidden(root, instance));
            let oldest = group.oldest_started_at.map_or(instance.started_at, |oldest| oldest.min(instance.started_at));
            group.oldest_started_at = Some(oldest);
        }
    }
    let mut groups: Vec<Group> = groups.into_iter().map(|(name, group)| Group { name, ..group }).collect();
    groups.sort_unstable_by(|one, other| other.count.cmp(&one.count).then_with(|| one.name.cmp(&other.name)));
    (groups, total)
}

fn group_names(root: &Root, instance: &Instance, by: GroupBy) -> Vec<String> {
    let workflow = workflow_name(root, instance);
    match by {
        GroupBy::All => vec!["all".to_owned()],
        GroupBy::Workflow => vec![workflow.to_owned()],
        GroupBy::Version => vec![format!("{workflow}, version {}", instance.version)],
        GroupBy::Stage => vec![format!("{workflow}, stage {}", instance.stage)],
        GroupBy::Status => vec![instance.status.word().to_owned()],
        GroupBy::Customer => vec![customer(root, instance).to_owned()],
        GroupBy::Team => {
            let mut teams: Vec<String> = team_names(root, instance).map(str::to_owned).collect();
            teams.sort_unstable();
            teams.dedup();
            teams
        }
    }
}

fn is_hidden(root: &Root, instance: &Instance) -> bool {
    !instance.status.is_ended() && !root.is_visible(instance)
}

fn workflow_name<'r>(root: &'r Root, instance: &Instance) -> &'r str {
    root.workflow_of(instance).map_or("", |workflow| &workflow.name)
}

fn customer<'r>(root: &'r Root, instance: &Instance) -> &'r str {
    root.call_of(instance).map_or("", |call| &call.customer)
}

fn team_names<'r>(root: &'r Root, instance: &'r Instance) -> impl Iterator<Item = &'r str> {
    instance.alerts.iter().filter_map(|alert| root.teams.at(alert.team)).map(|team| team.name.as_str())
}
