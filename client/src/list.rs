//! The list of follow-ups that a stream's frames make.
//!
//! Promise: at every [`Change::Exact`] the list is equal to the server's, also after losses and
//! resumes. Between two of them it may be incomplete. A list that resumes from a token has nothing
//! from before it, so it is not exact until it has a whole snapshot. It is ordered by id: the
//! program that shows it sorts it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{OutOfView, StageChange, SubscribeResponse, Upstream};
use aftercall_proto::workflow::v1::FollowUp;

use crate::subscription::Event;

/// What a frame changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A snapshot had a follow-up that is new or different. The reason is not known.
    Listed(Box<FollowUp>),
    /// A follow-up changed: who did what, and its present state.
    Changed(Box<StageChange>),
    /// A follow-up has left the list: who did what, and its outcome.
    Left(Box<OutOfView>),
    /// A follow-up is not in a newer snapshot. The reason is not known.
    Vanished {
        /// Id of the follow-up's instance.
        instance_id: String,
    },
    /// The list is the server's, up to this sequence.
    Exact {
        /// The sequence of the newest entry that it shows.
        sequence: u64,
    },
    /// The alerter has lost or found the workflow-server.
    Upstream(Upstream),
}

/// The list of follow-ups, by instance id.
#[derive(Clone, Debug, Default)]
pub struct LiveList {
    follow_ups: BTreeMap<String, FollowUp>,
    /// The snapshot that is being received.
    coming: Option<BTreeMap<String, FollowUp>>,
    /// Whether a whole snapshot has come: without one the list lacks what was open before the first
    /// change.
    is_whole: bool,
    /// How far the server's clock is ahead of ours, or behind.
    ahead: Duration,
    behind: Duration,
}

impl LiveList {
    /// The follow-ups, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &FollowUp> {
        self.follow_ups.values()
    }

    /// The follow-up of an instance.
    #[must_use]
    pub fn get(&self, instance_id: &str) -> Option<&FollowUp> {
        self.follow_ups.get(instance_id)
    }

    /// The number of follow-ups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.follow_ups.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.follow_ups.is_empty()
    }

    /// The time of the server's clock: compare due times with it.
    #[must_use]
    pub fn server_now(&self) -> SystemTime {
        SystemTime::now() + self.ahead - self.behind
    }

    /// Takes an event; returns what it changed, in order.
    pub fn take(&mut self, event: &Event) -> Vec<Change> {
        match event {
            Event::Frame(response) => self.take_frame(response),
            Event::Connected => Vec::new(),
            Event::Lost { .. } => {
                // A snapshot that was cut off comes again, whole.
                self.coming = None;
                Vec::new()
            }
        }
    }

    fn take_frame(&mut self, response: &SubscribeResponse) -> Vec<Change> {
        match response.frame.as_ref() {
            Some(Frame::SnapshotItem(item)) => {
                let coming = self.coming.get_or_insert_default();
                coming.extend(
                    item.follow_up
                        .iter()
                        .map(|one| (one.instance_id.clone(), one.clone())),
                );
                Vec::new()
            }
            Some(Frame::SnapshotEnd(_)) => self.replace(),
            Some(Frame::StageChange(change)) => {
                let newer = change
                    .follow_up
                    .as_ref()
                    .filter(|follow_up| self.is_newer(follow_up));
                let Some(follow_up) = newer else {
                    return Vec::new();
                };
                self.follow_ups
                    .insert(follow_up.instance_id.clone(), follow_up.clone());
                vec![Change::Changed(Box::new(change.clone()))]
            }
            Some(Frame::OutOfView(left)) => match self.follow_ups.remove(&left.instance_id) {
                Some(_) => vec![Change::Left(Box::new(left.clone()))],
                None => Vec::new(),
            },
            Some(Frame::CaughtUp(caught_up)) => {
                self.set_clock(response);
                let is_exact = self.is_whole && self.coming.is_none();
                is_exact
                    .then_some(Change::Exact {
                        sequence: caught_up.sequence,
                    })
                    .into_iter()
                    .collect()
            }
            Some(Frame::Bookmark(_)) => {
                self.set_clock(response);
                Vec::new()
            }
            Some(Frame::Upstream(upstream)) => vec![Change::Upstream(*upstream)],
            // A stream that starts again begins with a whole snapshot.
            Some(Frame::Reset(_)) => {
                self.coming = None;
                Vec::new()
            }
            Some(Frame::FellBehind(_) | Frame::Drain(_)) | None => Vec::new(),
        }
    }

    /// A whole snapshot has come: what is not in it is gone.
    fn replace(&mut self) -> Vec<Change> {
        let coming = self.coming.take().unwrap_or_default();
        self.is_whole = true;
        let gone = self
            .follow_ups
            .keys()
            .filter(|id| !coming.contains_key(*id));
        let mut changes: Vec<Change> = gone
            .map(|instance_id| Change::Vanished {
                instance_id: instance_id.clone(),
            })
            .collect();
        let other = |one: &&FollowUp| self.follow_ups.get(&one.instance_id) != Some(one);
        changes.extend(
            coming
                .values()
                .filter(other)
                .cloned()
                .map(Box::new)
                .map(Change::Listed),
        );
        self.follow_ups = coming;
        changes
    }

    fn is_newer(&self, follow_up: &FollowUp) -> bool {
        self.follow_ups
            .get(&follow_up.instance_id)
            .is_none_or(|known| known.revision < follow_up.revision)
    }

    /// Only by what is sent when it is made: older frames may have waited.
    fn set_clock(&mut self, response: &SubscribeResponse) {
        let theirs = response
            .server_time
            .and_then(|time| SystemTime::try_from(time).ok());
        let Some(theirs) = theirs else { return };
        let ours = SystemTime::now();
        self.ahead = theirs.duration_since(ours).unwrap_or_default();
        self.behind = ours.duration_since(theirs).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::{CaughtUp, Reset, SnapshotEnd, SnapshotItem};

    use super::*;

    fn follow_up(id: &str, revision: u64) -> FollowUp {
        FollowUp {
            instance_id: id.to_owned(),
            revision,
            ..FollowUp::default()
        }
    }

    fn listed(id: &str, revision: u64) -> Change {
        Change::Listed(Box::new(follow_up(id, revision)))
    }

    fn event(frame: Frame) -> Event {
        Event::Frame(Box::new(SubscribeResponse {
            frame: Some(frame),
            ..SubscribeResponse::default()
        }))
    }

    fn item(id: &str, revision: u64) -> Event {
        event(Frame::SnapshotItem(SnapshotItem {
            follow_up: Some(follow_up(id, revision)),
        }))
    }

    fn change(id: &str, revision: u64) -> Event {
        event(Frame::StageChange(StageChange {
            follow_up: Some(follow_up(id, revision)),
            ..StageChange::default()
        }))
    }

    fn left(id: &str) -> Event {
        event(Frame::OutOfView(OutOfView {
            instance_id: id.to_owned(),
            ..OutOfView::default()
        }))
    }

    fn end() -> Event {
        event(Frame::SnapshotEnd(SnapshotEnd::default()))
    }

    fn lost() -> Event {
        Event::Lost {
            reason: String::new(),
            wait: Duration::ZERO,
        }
    }

    fn standing(list: &LiveList) -> Vec<(&str, u64)> {
        list.iter()
            .map(|one| (one.instance_id.as_str(), one.revision))
            .collect()
    }

    #[test]
    fn a_snapshot_shows_itself_only_when_it_is_whole() {
        let mut list = LiveList::default();
        assert!(list.take(&item("a", 1)).is_empty() && list.is_empty());
        list.take(&item("b", 4));
        assert_eq!(list.take(&end()), [listed("a", 1), listed("b", 4)]);
        assert_eq!(standing(&list), [("a", 1), ("b", 4)]);
    }

    #[test]
    fn changes_are_taken_once_and_in_the_order_of_revisions() {
        let mut list = LiveList::default();
        let caught_up = event(Frame::CaughtUp(CaughtUp { sequence: 8 }));
        assert!(list.take(&caught_up).is_empty(), "no snapshot has come");
        list.take(&end());
        assert_eq!(list.take(&change("a", 1)).len(), 1);
        assert_eq!(list.take(&change("a", 2)).len(), 1);
        assert!(list.take(&change("a", 2)).is_empty() && list.take(&change("a", 1)).is_empty());
        assert_eq!(standing(&list), [("a", 2)]);
        assert_eq!(list.take(&left("a")).len(), 1);
        assert!(list.take(&left("a")).is_empty() && list.is_empty());
        let exact = list.take(&event(Frame::CaughtUp(CaughtUp { sequence: 9 })));
        assert_eq!(exact, [Change::Exact { sequence: 9 }]);
    }

    #[test]
    fn what_a_newer_snapshot_does_not_hold_has_vanished() {
        let mut list = LiveList::default();
        for one in [change("a", 1), change("b", 1), change("c", 1)] {
            list.take(&one);
        }
        list.take(&event(Frame::Reset(Reset::default())));
        assert_eq!(
            list.len(),
            3,
            "the old list is shown until the new one is whole"
        );
        list.take(&item("b", 1));
        list.take(&item("c", 2));
        let vanished = Change::Vanished {
            instance_id: "a".to_owned(),
        };
        assert_eq!(list.take(&end()), [vanished, listed("c", 2)]);
        assert_eq!(standing(&list), [("b", 1), ("c", 2)]);
    }

    #[test]
    fn a_snapshot_that_is_cut_off_leaves_nothing_behind() {
        for cut in [lost(), event(Frame::Reset(Reset::default()))] {
            let mut list = LiveList::default();
            list.take(&change("a", 1));
            list.take(&item("ended-meanwhile", 1));
            list.take(&cut);
            list.take(&item("a", 1));
            list.take(&end());
            assert_eq!(standing(&list), [("a", 1)]);
        }
    }
}
