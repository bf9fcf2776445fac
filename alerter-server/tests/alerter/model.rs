//! The model: every instance at every sequence, and which changes a stream with a filter must send.
//!
//! It knows nothing of how the server filters: it compares whole instances before and after.

use std::collections::BTreeMap;

use aftercall_proto::feed::v1::{Before, BeforeAlert, FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{Alert, Call, CallRef, Claim, FollowUp, Priority, Stage};
use rand::Rng;
use rand::rngs::StdRng;

/// Instances by id.
pub type Instances = BTreeMap<String, FollowUp>;

/// Which follow-ups a test's filter selects.
pub type Selects = fn(&FollowUp) -> bool;

/// A change that a stream sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivered {
    /// Changed, and in the filter.
    Changed(u64, String),
    /// Left the filter.
    Left(u64, String),
}

/// The journal of a store, with the state at every sequence.
#[derive(Clone, Debug)]
pub struct Model {
    pub epoch: String,
    /// Makes histories differ that have the same sequences.
    pub salt: u64,
    pub entries: Vec<FeedEntry>,
    /// All instances, also those that are not visible, after entry `index`.
    states: Vec<Instances>,
}

impl Model {
    pub fn new(epoch: &str) -> Self {
        Self {
            epoch: epoch.into(),
            salt: 0,
            entries: Vec::new(),
            states: vec![Instances::new()],
        }
    }

    pub fn newest(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn chain(&self) -> u64 {
        self.chain_at(self.newest())
    }

    pub fn chain_at(&self, sequence: u64) -> u64 {
        let before = sequence.checked_sub(1);
        before.map_or(0, |at| self.entries[usize::try_from(at).unwrap()].chain)
    }

    /// What Call Managers see at a sequence.
    pub fn seen_at(&self, sequence: u64) -> Instances {
        let state = &self.states[usize::try_from(sequence).unwrap()];
        state
            .iter()
            .filter(|(_, instance)| instance.visible)
            .map(|(id, seen)| (id.clone(), seen.clone()))
            .collect()
    }

    /// Writes one entry with these instances; sets their revision and sequence.
    pub fn write(&mut self, instances: Vec<FollowUp>) -> u64 {
        let sequence = self.newest() + 1;
        let mut state = self.states.last().unwrap().clone();
        let mut changes = Vec::new();
        for mut after in instances {
            let before = state.get(&after.instance_id);
            after.revision = before.map_or(1, |before| before.revision + 1);
            after.sequence = sequence;
            changes.push(InstanceChange {
                before: before.filter(|before| before.visible).map(facts_before),
                follow_up: Some(as_sent(&after)),
                ..InstanceChange::default()
            });
            state.insert(after.instance_id.clone(), after);
        }
        let chain = self
            .chain()
            .wrapping_mul(31)
            .wrapping_add(sequence * 1_000_003 + self.salt + 1);
        self.entries.push(FeedEntry {
            sequence,
            chain,
            changes,
            ..FeedEntry::default()
        });
        self.states.push(state);
        sequence
    }

    /// Goes back to how it was at a sequence, as a restored backup does; what is written then is
    /// another history.
    pub fn restore(&mut self, sequence: u64) {
        self.entries.truncate(usize::try_from(sequence).unwrap());
        self.states.truncate(usize::try_from(sequence).unwrap() + 1);
        self.salt += 1;
    }

    /// What a stream with a filter must send for the entries after `after`, in order.
    pub fn expected(&self, after: u64, selects: Selects) -> Vec<Delivered> {
        (after + 1..=self.newest())
            .flat_map(|sequence| self.expected_at(sequence, selects))
            .collect()
    }

    /// What a stream with a filter must send for one entry, in order.
    pub fn expected_at(&self, sequence: u64, selects: Selects) -> Vec<Delivered> {
        let at = usize::try_from(sequence).unwrap();
        let selected = |state: &Instances, id: &str| {
            state
                .get(id)
                .is_some_and(|seen| seen.visible && selects(seen))
        };
        let mut received = Vec::new();
        for change in &self.entries[at - 1].changes {
            let id = &change.follow_up.as_ref().unwrap().instance_id;
            if selected(&self.states[at], id) {
                received.push(Delivered::Changed(sequence, id.clone()));
            } else if selected(&self.states[at - 1], id) {
                received.push(Delivered::Left(sequence, id.clone()));
            }
        }
        received
    }
}

fn facts_before(before: &FollowUp) -> Before {
    let alert = |alert: &Alert| BeforeAlert {
        team: alert.team.clone(),
        priority: alert.priority,
    };
    Before {
        stage: before.stage.as_ref().unwrap().number,
        customer: before.call.as_ref().unwrap().customer.clone(),
        alerts: before.alerts.iter().map(alert).collect(),
        holder: before
            .claim
            .as_ref()
            .map_or_else(String::new, |claim| claim.holder.clone()),
    }
}

/// As the feed sends it: an instance that is not visible has only some fields.
fn as_sent(after: &FollowUp) -> FollowUp {
    if after.visible {
        return after.clone();
    }
    FollowUp {
        instance_id: after.instance_id.clone(),
        workflow: after.workflow.clone(),
        call: after.call.as_ref().map(|call| Call {
            r#ref: call.r#ref.clone(),
            ..Call::default()
        }),
        status: after.status,
        revision: after.revision,
        sequence: after.sequence,
        ..FollowUp::default()
    }
}

/// An instance with one alert for a team.
pub fn instance(id: &str, team: &str) -> FollowUp {
    FollowUp {
        instance_id: id.into(),
        workflow: format!("workflow-{}", id.len() % 2),
        visible: true,
        stage: Some(Stage {
            number: 1,
            ..Stage::default()
        }),
        call: Some(Call {
            r#ref: Some(CallRef {
                source: "engine".into(),
                id: id.into(),
            }),
            customer: "acme".into(),
            ..Call::default()
        }),
        alerts: vec![alert(team, Priority::Normal)],
        ..FollowUp::default()
    }
}

/// An alert.
pub fn alert(team: &str, priority: Priority) -> Alert {
    Alert {
        team: team.into(),
        priority: priority.into(),
        ..Alert::default()
    }
}

/// One entry's worth of random changes: none, one or several instances, each at most once.
pub fn random_changes(random: &mut StdRng) -> Vec<FollowUp> {
    let mut ids: Vec<u32> = (0..random.random_range(0..=3))
        .map(|_| random.random_range(0..12))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .map(|id| random_instance(&format!("i{id}"), random))
        .collect()
}

fn random_instance(id: &str, random: &mut StdRng) -> FollowUp {
    let mut changed = instance(id, "sales");
    changed.visible = random.random_bool(0.8);
    changed.stage = Some(Stage {
        number: random.random_range(1..=3),
        ..Stage::default()
    });
    changed.call.as_mut().unwrap().customer = ["acme", "globex"][random.random_range(0..2)].into();
    let holder = [None, Some("Ann"), Some("Ben")][random.random_range(0..3)];
    changed.claim = holder.map(|holder| Claim {
        holder: holder.into(),
        ..Claim::default()
    });
    let alerts = random.random_range(0..=2);
    changed.alerts = (0..alerts)
        .map(|_| {
            let priority = [Priority::Low, Priority::High][random.random_range(0..2)];
            alert(["sales", "support"][random.random_range(0..2)], priority)
        })
        .collect();
    changed
}
