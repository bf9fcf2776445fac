//! How the feed shows what an entry changed: the entry's facts, and of definitions, calls and
//! untouched content the World's.

use std::sync::Arc;

use aftercall_engine::call::Call;
use aftercall_engine::entry::{After, AlertBefore, Before, ChangeKind, InstanceChange};
use aftercall_engine::instance::Instance;
use aftercall_engine::{Entry, mask};
use aftercall_proto::feed::v1 as feed;
use aftercall_proto::workflow::v1 as proto;

use crate::ledger::feed::FeedItem;
use crate::ledger::history::{HistoryError, Walk};
use crate::limits::LATER_CHANGES_READ_MAX;
use crate::service::archived;
use crate::service::say::{ReadMask, Refusal, causes, convert, follow_up, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// An entry without its changes.
pub(super) fn head(item: &FeedItem) -> feed::FeedEntry {
    let entry = &*item.entry;
    feed::FeedEntry {
        sequence: entry.sequence,
        chain: item.chain,
        at: Some(convert::timestamp(entry.at)),
        actor: Some(convert::actor(&entry.actor)),
        changes: Vec::new(),
        erased: entry.kind == ChangeKind::CallerErased,
        partial: false,
    }
}

/// A change as alerters see it; none where Call Managers saw the instance neither before nor after.
pub(super) async fn change(
    shared: &Shared,
    view: &View,
    entry: &Entry,
    change: &InstanceChange,
) -> Result<Option<feed::InstanceChange>, Refusal> {
    let was_visible = change.before.as_ref().is_some_and(|before| before.visible);
    if change.after.status().is_ended() && !was_visible {
        return Ok(None);
    }
    let after = after(shared, view, entry, change).await?;
    let call = call_after(shared, view, entry, change).await;
    let visible = after
        .as_ref()
        .zip(call.as_ref())
        .is_some_and(|(after, call)| after.is_listed(call));
    if !visible && !was_visible {
        return Ok(None);
    }
    let teams = after
        .as_ref()
        .filter(|_| visible)
        .map_or_else(Vec::new, |after| view.teams_of_workflow(after));
    let shown = match after.filter(|_| visible) {
        Some(after) => follow_up::follow_up_of_call(view, &after, call.as_deref(), &ReadMask::ALL),
        None => out_of_view(view, change, call.as_deref()),
    };
    let pinned = (change.after.workflow(), change.after.version());
    let workflow = view.workflows().at(change.after.workflow());
    let version = workflow.and_then(|workflow| workflow.version(change.after.version()));
    let seen = change.before.as_ref().filter(|before| before.visible);
    Ok(Some(feed::InstanceChange {
        follow_up: Some(shown),
        cause: Some(causes::cause(
            view,
            entry,
            Some(change),
            version.map(|version| &*version.definition),
        )),
        from_stage: change
            .before
            .as_ref()
            .and_then(|before| convert::stage_of_version(view, pinned, before.stage)),
        before: seen.map(|before| before_of(view, before)),
        teams,
    }))
}

/// What alerters need of an instance that is not visible.
fn out_of_view(names: &Names, change: &InstanceChange, call: Option<&Call>) -> proto::FollowUp {
    let after = &change.after;
    let (revision, sequence) = match after {
        After::Whole(instance) => (instance.revision, instance.sequence),
        After::Touched(touched) => (touched.revision, touched.sequence),
    };
    let is_finished = after.status() == aftercall_engine::instance::Status::Finished;
    proto::FollowUp {
        instance_id: after.id().to_string(),
        workflow: names
            .workflows()
            .at(after.workflow())
            .map_or_else(String::new, |workflow| workflow.name.clone()),
        call: call.map(|call| proto::Call {
            r#ref: convert::call(call).r#ref,
            ..proto::Call::default()
        }),
        status: convert::status(after.status()).into(),
        outcome: if is_finished {
            after.ending().to_owned()
        } else {
            String::new()
        },
        revision: u64::from(revision),
        sequence,
        ..proto::FollowUp::default()
    }
}

/// The whole instance as the entry left it; none where nothing is known of it any more.
pub(in crate::service) async fn after(
    shared: &Shared,
    view: &View,
    entry: &Entry,
    change: &InstanceChange,
) -> Result<Option<Arc<Instance>>, Refusal> {
    let touched = match &change.after {
        After::Whole(instance) => return Ok(Some(instance.clone())),
        After::Touched(touched) => touched,
    };
    // Nothing but its call has changed since: the World has its content.
    let present = view
        .instance(touched.id)
        .filter(|present| present.whole_at == touched.whole_at);
    let after = match present {
        Some(present) => Arc::new(touched.onto(present)),
        None => match shared.ledger.history().whole(change).await {
            Ok(after) => after,
            Err(HistoryError::NoSuchEntry(_)) => return Ok(None),
            Err(error) => return Err(refusal::of_history(&error)),
        },
    };
    let is_erased = view.is_masked(entry);
    let definition = view.definition_of(&after).map(|definition| &**definition);
    Ok(Some(if is_erased {
        Arc::new(mask::instance(&after, definition))
    } else {
        after
    }))
}

/// The call as the entry left it. Where the entry did not touch it, its texts are those of now, and
/// who sees the instance is as it was.
pub(in crate::service) async fn call_after(
    shared: &Shared,
    view: &View,
    entry: &Entry,
    change: &InstanceChange,
) -> Option<Arc<Call>> {
    let of_entry = entry
        .call
        .as_ref()
        .filter(|call| call.slot == change.after.call())
        .map(|call| call.after.clone());
    if of_entry.is_some() {
        return of_entry;
    }
    // Its slot may be another's by now: only an instance that is in memory says that its call is.
    if let Some(instance) = view.instance(change.after.id()) {
        let call = view.call_of(instance).cloned()?;
        return Some(as_left(shared, entry, instance, call).await);
    }
    // It has left memory since: an alerter that is far behind sees it as it was.
    match archived::find(shared, &shared.view().unlimited(), change.after.id()).await {
        Ok(found) => found.map(|found| found.call),
        // It has ended since: that it is not shown in between misleads nobody.
        Err(refused) => {
            tracing::warn!(%refused, "the call of an archived instance was not found for the feed");
            None
        }
    }
}

/// The call as an entry left it, as far as it decides who sees an instance. A later change of the
/// call is also a change of each of its open instances, which has how the instance was before.
async fn as_left(
    shared: &Shared,
    entry: &Entry,
    instance: &Instance,
    call: Arc<Call>,
) -> Arc<Call> {
    if call.sequence <= entry.sequence {
        return call;
    }
    match before_next(shared, entry, instance).await {
        Ok(Some(before)) => Arc::new(Call {
            chargeable: before.visible,
            customer: before.customer,
            ..Call::clone(&call)
        }),
        Ok(None) => call,
        Err(error) => {
            tracing::warn!(%error, "the call of an instance is shown in the feed as it is now");
            call
        }
    }
}

/// What the next change of an instance after an entry found; `None` if there is none, or if it is
/// further away than is worth reading.
async fn before_next(
    shared: &Shared,
    entry: &Entry,
    instance: &Instance,
) -> Result<Option<Before>, HistoryError> {
    let mut walk = Walk::of_instance(shared.ledger.history(), instance);
    for _ in 0..LATER_CHANGES_READ_MAX {
        let Some((later, change)) = walk.next().await? else {
            break;
        };
        if later.sequence <= entry.sequence {
            break;
        }
        if let Some(before) = change.before
            && before.sequence == entry.sequence
        {
            return Ok(Some(before));
        }
    }
    Ok(None)
}

fn before_of(names: &Names, before: &Before) -> feed::Before {
    let alert = |alert: &AlertBefore| feed::BeforeAlert {
        team: names
            .teams()
            .at(alert.team)
            .map_or_else(String::new, |team| team.name.clone()),
        priority: convert::priority(alert.priority).into(),
    };
    feed::Before {
        stage: before.stage,
        customer: before.customer.to_string(),
        alerts: before.alerts.iter().map(alert).collect(),
        holder: before.holder.to_string(),
    }
}
