//! The lists and counts of operations: all instances, including hidden and ended ones. They walk
//! over every slot of the root, so callers run them on threads of their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;

use crate::call::Call;
use crate::instance::{Alert, Instance, Status};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::reach::Reach;
use crate::world::Root;

/// A filter of instances. All fields must match. A field matches if one of its values matches. An
/// empty field matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Workflows by name.
    pub workflows: Vec<Box<str>>,
    /// Versions.
    pub versions: Vec<u32>,
    /// Stage numbers.
    pub stages: Vec<u32>,
    /// Statuses; empty for all that have not ended.
    pub statuses: Vec<Status>,
    /// Names of teams. An alert of the instance must be for one of them.
    pub teams: Vec<Box<str>>,
    /// Customers.
    pub customers: Vec<Box<str>>,
    /// `true` for open instances that Call Managers do not see, `false` for all others.
    pub hidden: Option<bool>,
    /// Whether the instance must be overdue.
    pub overdue: Option<bool>,
    /// The latest time of the start.
    pub started_by: Option<Time>,
    /// Names of people. One of them must have the claim.
    pub holders: Vec<Box<str>>,
    /// `true` for instances without a claim, `false` for those with one.
    pub unclaimed: Option<bool>,
    /// Priorities. An alert of the instance must have one of them.
    pub priorities: Vec<Priority>,
    /// Whether the instance must have a snoozed alert.
    pub snoozed: Option<bool>,
    /// The earliest time of the end.
    pub ended_from: Option<Time>,
    /// The instance must have ended before this time.
    pub ended_until: Option<Time>,
    /// Only what the caller may see.
    pub reach: Reach,
}

impl InstanceFilter {
    fn matches(&self, root: &Root, instance: &Instance, now: Time) -> bool {
        let of_status = if self.statuses.is_empty() {
            !instance.status.is_ended()
        } else {
            self.statuses.contains(&instance.status)
        };
        of_status
            && (self.versions.is_empty() || self.versions.contains(&instance.version))
            && (self.stages.is_empty() || self.stages.contains(&instance.stage))
            && self
                .started_by
                .is_none_or(|latest| instance.started_at <= latest)
            && self.matches_end(instance)
            && self.matches_holder_and_alerts(instance)
            && self
                .overdue
                .is_none_or(|overdue| instance.is_overdue(now) == overdue)
            && self
                .hidden
                .is_none_or(|hidden| is_hidden(root, instance) == hidden)
            && (self.workflows.is_empty()
                || self
                    .workflows
                    .iter()
                    .any(|name| **name == *workflow_name(root, instance)))
            && (self.customers.is_empty()
                || self
                    .customers
                    .iter()
                    .any(|name| **name == *customer(root, instance)))
            && (self.teams.is_empty()
                || team_names(root, instance)
                    .any(|team| self.teams.iter().any(|name| **name == *team)))
            && self.reach.can_see(root, instance)
    }
}

impl InstanceFilter {
    /// Whether an instance of the archive matches. Such an instance has no claim and no open alert,
    /// and is neither hidden nor overdue. If the filter has no status, any ended instance matches.
    #[must_use]
    pub fn matches_ended(&self, root: &Root, instance: &Instance, call: &Call) -> bool {
        let is_never = [self.hidden, self.overdue, self.snoozed].contains(&Some(true))
            || self.unclaimed == Some(false);
        let needs_alert =
            !self.teams.is_empty() || !self.holders.is_empty() || !self.priorities.is_empty();
        !is_never
            && !needs_alert
            && (self.statuses.is_empty() || self.statuses.contains(&instance.status))
            && (self.versions.is_empty() || self.versions.contains(&instance.version))
            && (self.stages.is_empty() || self.stages.contains(&instance.stage))
            && self
                .started_by
                .is_none_or(|latest| instance.started_at <= latest)
            && self.matches_end(instance)
            && (self.workflows.is_empty()
                || self
                    .workflows
                    .iter()
                    .any(|name| **name == *workflow_name(root, instance)))
            && (self.customers.is_empty() || self.customers.contains(&call.customer))
            && self.reach.can_see_on(root, instance, call)
    }

    /// Whether the filter uses only workflows, versions and statuses. Then the counts of the chunks
    /// are enough.
    #[must_use]
    pub fn is_of_chunks(&self) -> bool {
        let Self {
            workflows,
            versions,
            statuses,
            ..
        } = self.clone();
        *self
            == Self {
                workflows,
                versions,
                statuses,
                ..Self::default()
            }
    }

    fn matches_end(&self, instance: &Instance) -> bool {
        self.ended_from
            .is_none_or(|from| instance.ended_at.is_some_and(|at| at >= from))
            && self
                .ended_until
                .is_none_or(|until| instance.ended_at.is_some_and(|at| at < until))
    }

    fn matches_holder_and_alerts(&self, instance: &Instance) -> bool {
        let is_named = instance
            .claim
            .as_ref()
            .is_some_and(|claim| self.holders.contains(&claim.by));
        let is_snoozed = instance.alerts.iter().any(|alert| alert.snooze.is_some());
        (self.holders.is_empty() || is_named)
            && self
                .unclaimed
                .is_none_or(|unclaimed| instance.claim.is_none() == unclaimed)
            && self.snoozed.is_none_or(|snoozed| is_snoozed == snoozed)
            && (self.priorities.is_empty()
                || instance
                    .alerts
                    .iter()
                    .any(|alert| self.priorities.contains(&alert.priority)))
    }
}

/// All instances that match a filter, by slot. This order is only approximately by age, because
/// slots are used again.
pub(crate) fn instances_of<'r>(
    root: &'r Root,
    filter: &'r InstanceFilter,
    now: Time,
    should_stop: ShouldStop<'r>,
) -> impl Iterator<Item = Result<&'r Arc<Instance>, Stopped>> + 'r {
    let is_meant = move |one: &&Arc<Instance>| filter.matches(root, one, now);
    checked(root.instances.iter().flatten(), should_stop)
        .filter(move |one| one.as_ref().map_or(true, is_meant))
}

/// A page of instances.
#[derive(Clone, Debug, Default)]
pub struct InstancePage {
    /// The instances in the order of their slots.
    pub instances: Vec<Arc<Instance>>,
    /// The slot after which the next page continues; `None` on the last page.
    pub next: Option<u32>,
}

/// Lists the instances after a slot, in the order of their slots, at most `rows_max`.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn list_instances(
    root: &Root,
    filter: &InstanceFilter,
    now: Time,
    (after, rows_max): (Option<u32>, usize),
    should_stop: ShouldStop<'_>,
) -> Result<InstancePage, Stopped> {
    let mut page = InstancePage::default();
    let first = after.map_or(0, |slot| slot as usize + 1);
    let rest = root.instances.skip(first.min(root.instances.len()));
    for instance in checked(rest.iter().flatten(), should_stop) {
        let instance = instance?;
        if !filter.matches(root, instance, now) {
            continue;
        }
        if page.instances.len() == rows_max {
            page.next = page.instances.last().map(|last| last.id.slot);
            break;
        }
        page.instances.push(instance.clone());
    }
    Ok(page)
}

/// The property that divides instances into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// No property: all instances are in one group.
    All,
    /// By workflow.
    Workflow,
    /// By workflow and version.
    Version,
    /// By workflow and stage.
    Stage,
    /// By status.
    Status,
    /// By team. An instance counts in each of its teams.
    Team,
    /// By customer.
    Customer,
    /// By the person with the claim.
    Holder,
    /// By the highest priority of its alerts.
    Priority,
    /// By age, in ranges.
    Age,
    /// By the state of its due time.
    Due,
    /// By whether Call Managers see the instance.
    Hidden,
}

/// The counts of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The name of the group.
    pub name: String,
    /// The number of instances.
    pub count: u64,
    /// How many of them are overdue.
    pub overdue: u64,
    /// How many of them are hidden.
    pub hidden: u64,
    /// When the oldest of them started.
    pub oldest_started_at: Option<Time>,
}

/// Counts instances in groups, the largest group first. Also returns the total, in which each
/// instance counts once.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn count_instances(
    root: &Root,
    filter: &InstanceFilter,
    by: GroupBy,
    now: Time,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<Group>, u64), Stopped> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    let mut total = 0;
    for instance in instances_of(root, filter, now, should_stop) {
        let instance = instance?;
        total += 1;
        for name in group_names(root, instance, by, now) {
            let group = groups.entry(name).or_default();
            group.count += 1;
            group.overdue += u64::from(instance.is_overdue(now));
            group.hidden += u64::from(is_hidden(root, instance));
            let oldest = group
                .oldest_started_at
                .map_or(instance.started_at, |oldest| {
                    oldest.min(instance.started_at)
                });
            group.oldest_started_at = Some(oldest);
        }
    }
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|(name, group)| Group { name, ..group })
        .collect();
    groups.sort_unstable_by(|one, other| {
        other
            .count
            .cmp(&one.count)
            .then_with(|| one.name.cmp(&other.name))
    });
    Ok((groups, total))
}

/// The numbers of open instances of a workflow within reach, by version and stage.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn open_by_stage(
    root: &Root,
    workflow: &str,
    reach: &Reach,
    should_stop: ShouldStop<'_>,
) -> Result<BTreeMap<(u32, u32), u64>, Stopped> {
    let mut open: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let Some(place) = root.workflows.place(workflow) else {
        return Ok(open);
    };
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = instance?;
        let is_open = instance.workflow == place && !instance.status.is_ended();
        if is_open && reach.can_see(root, instance) {
            *open.entry((instance.version, instance.stage)).or_default() += 1;
        }
    }
    Ok(open)
}

fn group_names(root: &Root, instance: &Instance, by: GroupBy, now: Time) -> Vec<String> {
    let workflow = workflow_name(root, instance);
    match by {
        GroupBy::All => vec!["all".to_owned()],
        GroupBy::Workflow => vec![workflow.to_owned()],
        GroupBy::Version => vec![format!("{workflow}, version {}", instance.version)],
        GroupBy::Stage => vec![format!("{workflow}, stage {}", instance.stage)],
        GroupBy::Status => vec![instance.status.word().to_owned()],
        GroupBy::Customer => vec![customer(root, instance).to_owned()],
        GroupBy::Holder => vec![
            instance
                .claim
                .as_ref()
                .map_or("nobody", |claim| &claim.by)
                .to_owned(),
        ],
        GroupBy::Priority => {
            let highest = instance.alerts.iter().map(|alert| alert.priority).max();
            vec![highest.map_or("no alert", Priority::word).to_owned()]
        }
        GroupBy::Age => vec![age(instance, now).to_owned()],
        GroupBy::Due => {
            let word = match instance.due() {
                None => "no due",
                Some(_) if instance.is_overdue(now) => "overdue",
                Some(_) => "on time",
            };
            vec![word.to_owned()]
        }
        GroupBy::Hidden => vec![
            if is_hidden(root, instance) {
                "hidden"
            } else {
                "seen"
            }
            .to_owned(),
        ],
        GroupBy::Team => {
            let mut teams: Vec<String> = team_names(root, instance).map(str::to_owned).collect();
            teams.sort_unstable();
            teams.dedup();
            teams
        }
    }
}

/// The range of an instance's age.
fn age(instance: &Instance, now: Time) -> &'static str {
    match now.0.saturating_sub(instance.started_at.0) / 3_600_000 {
        ..1 => "under 1 h",
        1..4 => "1 h to 4 h",
        4..24 => "4 h to 1 d",
        24..72 => "1 d to 3 d",
        72..168 => "3 d to 7 d",
        _ => "over 7 d",
    }
}

fn is_hidden(root: &Root, instance: &Instance) -> bool {
    !instance.status.is_ended() && !root.is_visible(instance)
}

fn workflow_name<'r>(root: &'r Root, instance: &Instance) -> &'r str {
    root.workflow_of(instance)
        .map_or("", |workflow| &workflow.name)
}

fn customer<'r>(root: &'r Root, instance: &Instance) -> &'r str {
    root.call_of(instance).map_or("", |call| &call.customer)
}

fn team_names<'r>(root: &'r Root, instance: &'r Instance) -> impl Iterator<Item = &'r str> {
    instance
        .alerts
        .iter()
        .flat_map(Alert::teams)
        .filter_map(|team| root.teams.at(team))
        .map(|team| team.name.as_str())
}
