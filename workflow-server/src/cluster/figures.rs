//! A cluster in `/metrics`, as one member knows it.
//!
//! Promise: agrees with what `GetServerInfo` of this member shows. Only names of members become
//! labels, and a limited number of them. Must not: know where the figures come from.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::journal::Term;
use crate::limits::MEMBERS_NAMED_MAX;

/// What a member knows at one moment.
pub(super) struct Figures<'p> {
    /// Whether this member leads.
    pub(super) leads: bool,
    /// The newest term.
    pub(super) term: Option<Term>,
    /// When that term began, in milliseconds since 1970.
    pub(super) since_millis: Option<i64>,
    /// The members that have reported recently.
    pub(super) members: Vec<OfMember<'p>>,
}

/// A member, as another one knows it.
pub(super) struct OfMember<'p> {
    pub(super) name: &'p str,
    pub(super) leads: bool,
    /// The entries that it lacks.
    pub(super) lag: u64,
}

/// The names that are labels. A gauge cannot be removed, so that of a member that has left is 0.
#[derive(Default)]
pub(super) struct Named(Mutex<BTreeSet<String>>);

impl Named {
    /// Sets the gauges.
    pub(super) fn show(&self, figures: &Figures<'_>) {
        let flag = |is_so: bool| f64::from(u8::from(is_so));
        metrics::gauge!("aftercall_leader").set(flag(figures.leads));
        if let Some(term) = figures.term {
            metrics::gauge!("aftercall_term").set(term.0 as f64);
        }
        if let Some(millis) = figures.since_millis {
            metrics::gauge!("aftercall_leader_since_seconds").set(millis as f64 / 1_000.0);
        }
        let members = &figures.members;
        metrics::gauge!("aftercall_members").set(members.len() as f64);
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for member in members {
            if named.len() < MEMBERS_NAMED_MAX && !named.contains(member.name) {
                named.insert(member.name.to_owned());
            }
        }
        for name in named.iter() {
            let member = members.iter().find(|member| member.name == name);
            let leads = member.is_some_and(|member| member.leads);
            let lag = member.map_or(0, |member| member.lag);
            metrics::gauge!("aftercall_member_leads", "member" => name.clone()).set(flag(leads));
            metrics::gauge!("aftercall_member_lag_entries", "member" => name.clone())
                .set(lag as f64);
        }
    }
}
