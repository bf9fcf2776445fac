//! A view: the messages of all streams with one filter, filtered and encoded once.
//!
//! Promise: a window of the newest messages, in order and whole: an entry is in it with all its
//! messages or with none. The window is bounded; a stream that is older reads from the ring.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{Bookmark, CaughtUp};
use slab::Slab;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::filter::Filter;
use crate::limits::STREAM_WRITE_BYTES;
use crate::link::Link;
use crate::member::Member;
use crate::message::Message;
use crate::position::Position;
use crate::ring::{Change, RingEntry};
use crate::shown::Shown;
use crate::token::Token;

/// A view.
#[derive(Debug)]
pub(crate) struct View {
    filter: Filter,
    link: watch::Receiver<Link>,
    window: Mutex<Window>,
    members: Mutex<Slab<Arc<Member>>>,
}

/// The place of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// The epoch's hash.
    pub(crate) epoch: u64,
    /// The generation in whose history the place is.
    pub(crate) generation: u64,
    /// The last entry that was handled.
    pub(crate) position: Position,
    /// The next message of the window, where the window was read last.
    pub(crate) ordinal: Option<u64>,
}

/// Up to where every view is complete: one that has less had nothing to send since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Advanced {
    /// The generation in whose history the place is.
    pub(crate) generation: u64,
    /// The last entry that was handled.
    pub(crate) position: Position,
}

/// What a view sends for a change.
enum Delivery<'a> {
    Change(&'a Change, &'a Shown),
    OutOfView(&'a Change),
}

/// The result of reading the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Some messages.
    Messages {
        /// Whether the last was `CaughtUp`: the client's picture is exact after it.
        caught_up: bool,
    },
    /// Nothing new; the window ends here.
    AtEnd(u64),
    /// The window begins after the cursor, or is of another generation.
    OutOfWindow,
}

#[derive(Debug)]
struct Window {
    epoch: u64,
    generation: u64,
    /// Up to where it is complete.
    position: Position,
    /// From which sequence on it is complete: all after this one is in it.
    base: u64,
    /// How many messages have been dropped: the ordinal of the first that is kept.
    first: u64,
    items: VecDeque<Item>,
    bytes: usize,
    quiet_since: Instant,
}

#[derive(Debug)]
struct Item {
    position: Position,
    caught_up: bool,
    message: Message,
}

impl View {
    /// A view that begins at the head of the cache.
    pub(crate) fn new(filter: Filter, link: watch::Receiver<Link>, cache: &Cache) -> Self {
        let window = Window {
            epoch: cache.epoch_hash(),
            generation: cache.generation(),
            position: cache.head(),
            base: cache.head().sequence,
            first: 0,
            items: VecDeque::new(),
            bytes: 0,
            quiet_since: Instant::now(),
        };
        Self {
            filter,
            link,
            window: Mutex::new(window),
            members: Mutex::default(),
        }
    }

    /// The workflow-server's time, by which messages are stamped.
    fn server_time(&self) -> SystemTime {
        self.link.borrow().server_time()
    }

    /// Its filter.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The token of a place, for this view's filter.
    pub(crate) fn token(&self, epoch: u64, position: Position) -> String {
        Token {
            epoch,
            position,
            filter: self.filter.hash(),
        }
        .encode()
    }

    /// Adds a member; returns its number.
    pub(crate) fn join(&self, member: Arc<Member>) -> usize {
        self.members().insert(member)
    }

    /// Removes a member.
    pub(crate) fn leave(&self, member: usize) {
        self.members().remove(member);
    }

    /// All members.
    pub(crate) fn present(&self) -> Vec<Arc<Member>> {
        self.members()
            .iter()
            .map(|(_, member)| Arc::clone(member))
            .collect()
    }

    /// Wakes every member.
    pub(crate) fn wake(&self) {
        self.members().iter().for_each(|(_, member)| member.wake());
    }

    /// Advances from `before` to the head of the cache, keeps about `bytes_max` of messages, and
    /// wakes its members if there is news for them.
    pub(crate) fn advance(&self, cache: &Cache, before: Option<Advanced>, bytes_max: usize) {
        let mut window = self.window();
        window.skip_to(before);
        let has_news = window.advance(self, cache, bytes_max);
        drop(window);
        if has_news {
            self.wake();
        }
    }

    /// Drops what the ring does not hold any more.
    pub(crate) fn forget(&self, cache: &Cache) {
        self.window().forget(cache.oldest());
    }

    /// Adds a bookmark if nothing was sent for as long as `bookmark`, and ends members that took
    /// nothing for `stall`. Keeps about `bytes_max` of messages.
    pub(crate) fn tick(
        &self,
        advanced: Option<Advanced>,
        bytes_max: usize,
        (bookmark, stall): (Duration, Duration),
    ) {
        let now = Instant::now();
        let mut window = self.window();
        window.skip_to(advanced);
        window.trim(bytes_max);
        let is_due = now.duration_since(window.quiet_since) >= bookmark;
        if is_due {
            window.bookmark(self);
        }
        let end = window.end();
        drop(window);
        self.members()
            .iter()
            .for_each(|(_, member)| member.end_if_stalled(end, now, stall));
        if is_due {
            self.wake();
        }
    }

    /// Reads from a cursor, about as much as is written at once. The view is complete up to
    /// `advanced`.
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor,
        advanced: Option<Advanced>,
        into: &mut VecDeque<Message>,
    ) -> Reading {
        let mut window = self.window();
        window.skip_to(advanced);
        window.read(cursor, into)
    }

    /// The entry before the first that a cursor has not read of this view, where the window has it:
    /// up to there its stream is not behind, also where the filter left entries out.
    pub(crate) fn read_up_to(&self, cursor: &Cursor, advanced: Option<Advanced>) -> Option<u64> {
        let mut window = self.window();
        window.skip_to(advanced);
        window.read_up_to(cursor)
    }

    /// The messages of an entry for the streams of this view; `before` is the place before it. Only
    /// the last message carries the entry's token: no token resumes in the middle of an entry.
    pub(crate) fn messages(&self, epoch: u64, entry: &RingEntry, before: Position) -> Vec<Message> {
        let deliveries: Vec<_> = entry
            .changes
            .iter()
            .filter_map(|change| self.delivery(change))
            .collect();
        let Some(last) = deliveries.len().checked_sub(1) else {
            return Vec::new();
        };
        let token_before = if last == 0 {
            String::new()
        } else {
            self.token(epoch, before)
        };
        let token = self.token(epoch, entry.position);
        let now = self.server_time();
        let message = |(at, delivery): (usize, _)| {
            let token = if at == last { &token } else { &token_before };
            match delivery {
                Delivery::Change(change, shown) => {
                    Message::stage_change(token, now, &change.body, shown)
                }
                Delivery::OutOfView(change) => {
                    Message::new(token, now, Frame::OutOfView((*change.out_of_view).clone()))
                }
            }
        };
        deliveries.into_iter().enumerate().map(message).collect()
    }

    fn delivery<'a>(&self, change: &'a Change) -> Option<Delivery<'a>> {
        let after = change
            .after
            .as_ref()
            .filter(|shown| self.filter.selects(&shown.facts));
        match (after, &change.before) {
            (Some(shown), _) => Some(Delivery::Change(change, shown)),
            (None, Some(before)) => self
                .filter
                .selects(before)
                .then_some(Delivery::OutOfView(change)),
            (None, None) => None,
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn members(&self) -> MutexGuard<'_, Slab<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Moves to a place up to which this view has nothing more to send.
    fn skip_to(&mut self, advanced: Option<Advanced>) {
        if let Some(Advanced {
            generation,
            position,
        }) = advanced
            && generation == self.generation
            && position.sequence > self.position.sequence
        {
            self.position = position;
        }
    }

    fn read_up_to(&self, cursor: &Cursor) -> Option<u64> {
        if cursor.generation != self.generation || cursor.position.sequence < self.base {
            return None;
        }
        let unread = self
            .items
            .partition_point(|item| item.position.sequence <= cursor.position.sequence);
        self.items
            .get(unread)
            .map_or(Some(self.position.sequence), |item| {
                item.position.sequence.checked_sub(1)
            })
    }

    fn advance(&mut self, view: &View, cache: &Cache, bytes_max: usize) -> bool {
        if self.generation != cache.generation() {
            self.restart(cache);
            return true;
        }
        let end = self.end();
        for sequence in self.position.sequence + 1..=cache.head().sequence {
            // More came at once than the ring holds.
            let Some(entry) = cache.entry(sequence) else {
                self.restart(cache);
                return true;
            };
            for message in view.messages(self.epoch, entry, self.position) {
                self.push(entry.position, message, false);
            }
            self.position = entry.position;
        }
        if self.end() == end {
            return false;
        }
        let sequence = self.position.sequence;
        let token = view.token(self.epoch, self.position);
        self.push(
            self.position,
            Message::new(
                &token,
                view.server_time(),
                Frame::CaughtUp(CaughtUp { sequence }),
            ),
            true,
        );
        self.trim(bytes_max);
        true
    }

    fn bookmark(&mut self, view: &View) {
        let token = view.token(self.epoch, self.position);
        let sequence = self.position.sequence;
        self.push(
            self.position,
            Message::new(
                &token,
                view.server_time(),
                Frame::Bookmark(Bookmark { sequence }),
            ),
            false,
        );
    }

    fn push(&mut self, position: Position, message: Message, caught_up: bool) {
        self.bytes += message.len();
        self.quiet_since = Instant::now();
        self.items.push_back(Item {
            position,
            caught_up,
            message,
        });
    }

    /// Empties the window and starts at the head of the cache. Members continue from the ring.
    fn restart(&mut self, cache: &Cache) {
        self.first = self.end();
        self.items.clear();
        self.bytes = 0;
        (self.epoch, self.generation) = (cache.epoch_hash(), cache.generation());
        self.position = cache.head();
        self.base = cache.head().sequence;
    }

    fn trim(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(sequence) = self.items.front().map(|item| item.position.sequence) else {
                return;
            };
            self.forget(sequence);
        }
    }

    /// Drops whole entries up to a sequence, never a part of one.
    fn forget(&mut self, sequence: u64) {
        let gone = self
            .items
            .partition_point(|item| item.position.sequence <= sequence);
        self.bytes -= self
            .items
            .drain(..gone)
            .map(|item| item.message.len())
            .sum::<usize>();
        self.first += gone as u64;
        self.base = self.base.max(sequence.min(self.position.sequence));
    }

    fn read(&self, cursor: &mut Cursor, into: &mut VecDeque<Message>) -> Reading {
        if cursor.generation != self.generation || cursor.position.sequence < self.base {
            return Reading::OutOfWindow;
        }
        // The stream has read newer entries from the ring, which are not in this window yet.
        if cursor.position.sequence > self.position.sequence {
            return Reading::AtEnd(self.end());
        }
        let known = cursor
            .ordinal
            .and_then(|ordinal| ordinal.checked_sub(self.first));
        let from = known.map_or_else(
            || {
                self.items
                    .partition_point(|item| item.position.sequence <= cursor.position.sequence)
            },
            |from| from as usize,
        );
        let (mut bytes, mut taken) = (0, 0);
        let mut last: Option<&Item> = None;
        for item in self.items.range(from..) {
            let is_next_entry =
                last.is_none_or(|last| last.position.sequence != item.position.sequence);
            if bytes >= STREAM_WRITE_BYTES && is_next_entry {
                break;
            }
            bytes += item.message.len();
            taken += 1;
            into.push_back(item.message.clone());
            last = Some(item);
        }
        cursor.ordinal = Some(self.first + (from + taken) as u64);
        if from + taken == self.items.len() {
            // The newest entries may have had nothing for this view.
            cursor.position = self.position;
        } else if let Some(last) = last {
            cursor.position = last.position;
        }
        match last {
            Some(last) => Reading::Messages {
                caught_up: last.caught_up,
            },
            None => Reading::AtEnd(self.end()),
        }
    }
}
