//! The wallboards of scopes while the tail publishes.

use std::time::SystemTime;

use aftercall_proto::feed::v1::{FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{Call, FollowUp};

use super::*;
use crate::cache::RingLimits;
use crate::position::Position;

fn link() -> Link {
    Link {
        connected: true,
        as_of: SystemTime::UNIX_EPOCH,
        heard_at: std::time::Instant::now(),
        behind: 0,
    }
}

/// What the tail does.
struct House {
    cache: Cache,
    newest: Mutex<Option<Arc<Cache>>>,
    boards: Boards,
}

impl House {
    fn new() -> Self {
        let limits = RingLimits {
            entries_max: 100,
            bytes_max: 1 << 20,
        };
        let mut house = Self {
            cache: Cache::new("e", 1, Position::default(), 1, limits),
            newest: Mutex::default(),
            boards: Boards::default(),
        };
        house.publish(&[]);
        house
    }

    /// A new follow-up of a customer.
    fn add(&mut self, customer: &str) {
        let sequence = self.cache.head().sequence + 1;
        let follow_up = FollowUp {
            instance_id: sequence.to_string(),
            visible: true,
            call: Some(Call {
                customer: customer.to_owned(),
                ..Call::default()
            }),
            ..FollowUp::default()
        };
        let change = InstanceChange {
            follow_up: Some(follow_up),
            ..InstanceChange::default()
        };
        let entry = FeedEntry {
            sequence,
            changes: vec![change],
            ..FeedEntry::default()
        };
        let mut moved = Vec::new();
        self.cache.append(entry, &mut moved).unwrap();
        self.publish(&moved);
    }

    fn publish(&mut self, moved: &[Moved]) {
        *self.newest.lock().unwrap() = Some(Arc::new(self.cache.clone()));
        self.boards.update(&self.cache, moved);
    }

    fn now(&self) -> Option<Arc<Cache>> {
        self.newest.lock().unwrap().clone()
    }

    async fn open(&self, customers: &[&str]) -> u64 {
        let scope = Scope::new(customers, &[]);
        let read = self.boards.read(&scope, link(), || self.now()).await;
        read.unwrap().total.unwrap().open
    }
}

#[tokio::test]
async fn a_scope_counts_its_own_follow_ups() {
    let mut house = House::new();
    house.add("acme");
    house.add("zeta");
    assert_eq!(house.open(&["acme"]).await, 1);
    house.add("acme");
    assert_eq!(house.open(&["acme"]).await, 2);
    assert_eq!(house.open(&["nobody"]).await, 0);
    assert_eq!(house.open(&[]).await, 3, "the control");
}

#[tokio::test]
async fn what_is_published_while_a_scope_is_counted_counts_once() {
    let mut house = House::new();
    house.add("acme");
    let earlier = house.now();
    house.add("acme");
    let scope = Scope::new(&["acme"], &[]);
    // The count begins at the earlier state, and at its end the newest one is there.
    let states = Mutex::new(vec![house.now(), earlier.clone(), earlier]);
    let now = || states.lock().unwrap().pop().unwrap();
    let read = house.boards.read(&scope, link(), now).await.unwrap();
    assert_eq!(read.total.unwrap().open, 2);
    let cache = house.cache.clone();
    house
        .boards
        .update(&cache, &cache.moved_since(&cache).unwrap());
    assert_eq!(house.open(&["acme"]).await, 2);
}

#[tokio::test]
async fn unwatched_scopes_make_room_and_watched_ones_do_not() {
    let house = House::new();
    let name = |at: usize| format!("customer-{at}");
    let mut watching = Vec::new();
    for at in 0..WALLBOARD_SCOPES_MAX {
        let scope = Scope::new(&[name(at)], &[]);
        let watched = house.boards.watch(&scope, link(), || house.now()).await;
        watching.push(watched.unwrap().1);
    }
    let one_more = Scope::new(&["one more"], &[]);
    let refused = house.boards.read(&one_more, link(), || house.now()).await;
    assert_eq!(refused, Err(NoBoard::TooManyScopes));
    drop(watching.pop());
    let read = house.boards.read(&one_more, link(), || house.now()).await;
    assert!(read.is_ok());
    assert_eq!(house.open(&[]).await, 0, "all follow-ups are always there");
    let known = Scope::new(&[name(0)], &[]);
    assert!(house.boards.read_watched(&known, link()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_nobody_reads_is_dropped() {
    let mut house = House::new();
    house.open(&["acme"]).await;
    let scope = Scope::new(&["acme"], &[]);
    house.add("acme");
    assert!(house.boards.kept().find(&scope).is_some(), "the control");
    tokio::time::advance(WALLBOARD_UNREAD_KEPT).await;
    house.add("acme");
    assert!(house.boards.kept().find(&scope).is_none());
}

#[tokio::test]
async fn watchers_of_a_scope_wake_for_its_changes_only() {
    let mut house = House::new();
    let scope = Scope::new(&["acme"], &[]);
    let watched = house.boards.watch(&scope, link(), || house.now()).await;
    let (first, mut news) = watched.unwrap();
    assert_eq!(first.total.unwrap().open, 0);
    house.boards.show(link());
    news.mark_unchanged();
    house.add("zeta");
    house.boards.show(link());
    assert!(!news.has_changed().unwrap());
    house.add("acme");
    house.boards.show(link());
    assert!(news.has_changed().unwrap());
}
