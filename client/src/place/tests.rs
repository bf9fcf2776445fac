//! A place and a list against a model of the server, over cuts after any frame.

use std::collections::BTreeMap;

use aftercall_proto::alert::v1::{
    Bookmark, CaughtUp, OutOfView, Reset, SnapshotEnd, SnapshotItem, StageChange,
};
use aftercall_proto::workflow::v1::FollowUp;
use proptest::prelude::*;

use super::*;
use crate::subscription::Event;
use crate::{Change, LiveList};

/// Open follow-ups: id → revision.
type Open = BTreeMap<u8, u64>;

/// What happens to a follow-up: it changes, or leaves.
#[derive(Clone, Debug)]
struct Step {
    id: u8,
    leaves: bool,
}

/// A server: what was open after each sequence, and the oldest token that can be resumed.
#[derive(Clone, Debug)]
struct Server {
    states: Vec<Open>,
    steps: Vec<Step>,
    oldest: usize,
}

impl Server {
    fn new(open: u8) -> Self {
        Self {
            states: vec![(0..open).map(|id| (id, 0)).collect()],
            steps: Vec::new(),
            oldest: 0,
        }
    }

    fn newest(&self) -> usize {
        self.steps.len()
    }

    fn write(&mut self, step: &Step) {
        let mut open = self.states[self.newest()].clone();
        if step.leaves {
            open.remove(&step.id);
        } else {
            open.insert(step.id, self.newest() as u64 + 1);
        }
        self.steps.push(step.clone());
        self.states.push(open);
    }

    /// All frames of a stream, up to now.
    fn stream(&self, token: &str, mode: SnapshotMode) -> Vec<SubscribeResponse> {
        let known = token.parse().ok().filter(|at: &usize| *at >= self.oldest);
        match (mode, known) {
            (SnapshotMode::Always, _) => self.snapshot(None),
            (_, Some(at)) => self.changes(at),
            (_, None) if token.is_empty() => self.snapshot(None),
            (_, None) => self.snapshot(Some(frame("", Frame::Reset(Reset::default())))),
        }
    }

    fn snapshot(&self, first: Option<SubscribeResponse>) -> Vec<SubscribeResponse> {
        let newest = self.newest();
        let item = |(id, revision): (&u8, &u64)| {
            frame(
                "",
                Frame::SnapshotItem(SnapshotItem {
                    follow_up: Some(follow_up(*id, *revision)),
                }),
            )
        };
        let end = SnapshotEnd {
            sequence: newest as u64,
            item_count: self.states[newest].len() as u32,
        };
        let end = frame(&newest.to_string(), Frame::SnapshotEnd(end));
        first
            .into_iter()
            .chain(self.states[newest].iter().map(item))
            .chain([end])
            .chain(self.changes(newest))
            .collect()
    }

    fn changes(&self, after: usize) -> Vec<SubscribeResponse> {
        let shown = |at: usize| {
            let Step { id, leaves } = self.steps[at - 1];
            let change = if leaves {
                Frame::OutOfView(OutOfView {
                    instance_id: id.to_string(),
                    ..OutOfView::default()
                })
            } else {
                Frame::StageChange(StageChange {
                    follow_up: Some(follow_up(id, at as u64)),
                    ..StageChange::default()
                })
            };
            frame(&at.to_string(), change)
        };
        let newest = self.newest();
        let caught_up = frame(
            &newest.to_string(),
            Frame::CaughtUp(CaughtUp {
                sequence: newest as u64,
            }),
        );
        let bookmark = frame(&newest.to_string(), Frame::Bookmark(Bookmark::default()));
        (after + 1..=newest)
            .map(shown)
            .chain([caught_up, bookmark])
            .collect()
    }
}

fn frame(token: &str, frame: Frame) -> SubscribeResponse {
    SubscribeResponse {
        token: token.to_owned(),
        frame: Some(frame),
        ..SubscribeResponse::default()
    }
}

fn follow_up(id: u8, revision: u64) -> FollowUp {
    FollowUp {
        instance_id: id.to_string(),
        revision,
        ..FollowUp::default()
    }
}

fn shown(list: &LiveList) -> Open {
    list.iter()
        .map(|one| (one.instance_id.parse().expect("an id"), one.revision))
        .collect()
}

/// A connection that is cut, and what happens until the next.
#[derive(Clone, Debug)]
struct Cut {
    /// After how many frames; beyond the last one not at all.
    after: usize,
    steps: Vec<Step>,
    /// Whether the server forgets how to resume from here.
    forgets: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(
        (0..6_u8, any::<bool>()).prop_map(|(id, leaves)| Step { id, leaves }),
        0..6,
    )
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let cut = (0..12_usize, steps(), proptest::bool::weighted(0.2));
    proptest::collection::vec(
        cut.prop_map(|(after, steps, forgets)| Cut {
            after,
            steps,
            forgets,
        }),
        1..5,
    )
}

/// Follows over all cuts; checks each time that the list says that it is exact.
fn follow(mut server: Server, mut place: Place, cuts: &[Cut]) -> Result<usize, TestCaseError> {
    let (mut list, mut exact) = (LiveList::default(), 0);
    let last = Cut {
        after: usize::MAX,
        steps: Vec::new(),
        forgets: false,
    };
    for cut in cuts.iter().chain([&last]) {
        let (token, mode) = place.request();
        for response in server.stream(&token, mode).into_iter().take(cut.after) {
            place.handled();
            place.give(&response);
            for change in list.take(&Event::Frame(Box::new(response))) {
                if let Change::Exact { sequence } = change {
                    exact += 1;
                    prop_assert_eq!(shown(&list), server.states[sequence as usize].clone());
                }
            }
        }
        place.handled();
        place.lost();
        list.take(&Event::Lost {
            reason: String::new(),
            wait: std::time::Duration::ZERO,
        });
        cut.steps.iter().for_each(|step| server.write(step));
        if cut.forgets {
            server.oldest = server.newest();
        }
    }
    Ok(exact)
}

proptest! {
    #[test]
    fn a_list_marked_exact_is_exact_after_any_cut(
        open in 0..6_u8,
        before in steps(),
        token in proptest::option::of(0..4_usize),
        always in any::<bool>(),
        cuts in cuts(),
    ) {
        let mut server = Server::new(open);
        before.iter().for_each(|step| server.write(step));
        let place = || {
            let mut place = Place::new();
            if let Some(token) = token {
                place.resume(token.min(server.newest()).to_string());
            }
            if always {
                place.begin_with(SnapshotMode::Always);
            }
            place
        };
        let exact = follow(server.clone(), place(), &cuts)?;
        // A list that begins with a token has nothing from before it, unless the server resets it.
        prop_assert!(exact > 0 || (token.is_some() && !always), "it never became exact");
        // One cut, after each frame of the first stream.
        for after in 0..16 {
            let cut = Cut { after, steps: before.clone(), forgets: false };
            follow(server.clone(), place(), &[cut])?;
        }
    }
}
