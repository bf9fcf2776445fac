//! The checker of streams: a client that upserts by instance and revision, and refuses every stream
//! that breaks a promise.

use std::mem;

use aftercall_proto::alert::v1::SubscribeResponse;
use aftercall_proto::alert::v1::subscribe_response::Frame;

use crate::model::{Delivered, Instances, Model, Selects};

/// What a client knows.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub instances: Instances,
    /// The newest token; empty for none.
    pub token: String,
    /// The newest sequence that was received.
    pub sequence: u64,
    /// Every change that was received, in order.
    pub received: Vec<Delivered>,
    /// The reasons of the resets.
    pub resets: Vec<i32>,
    /// The snapshot that is on its way.
    pub pending: Option<Instances>,
}

impl Picture {
    /// Takes one frame; an error says which promise it breaks.
    pub fn take(
        &mut self,
        response: &SubscribeResponse,
        model: &Model,
        selects: Selects,
    ) -> Result<(), String> {
        self.token.clone_from(&response.token);
        match response
            .frame
            .as_ref()
            .ok_or("a response without a frame")?
        {
            Frame::Reset(reset) => {
                self.resets.push(reset.reason);
                self.sequence = 0;
                self.pending = Some(Instances::new());
            }
            Frame::SnapshotItem(item) => {
                let item = item
                    .follow_up
                    .clone()
                    .ok_or("an item without a follow-up")?;
                let twice = self
                    .pending
                    .get_or_insert_default()
                    .insert(item.instance_id.clone(), item);
                twice.map_or(Ok(()), |twice| {
                    Err(format!("{} is twice in the snapshot", twice.instance_id))
                })?;
            }
            Frame::SnapshotEnd(end) => {
                self.instances = self.pending.take().unwrap_or_default();
                require(self.instances.len() == end.item_count as usize, || {
                    "the snapshot's count is wrong".into()
                })?;
                self.sequence = end.sequence;
                self.compare(end.sequence, model, selects)?;
            }
            Frame::StageChange(change) => {
                let now = change
                    .follow_up
                    .clone()
                    .ok_or("a change without a follow-up")?;
                self.advance(change.sequence)?;
                let known = self
                    .instances
                    .get(&now.instance_id)
                    .map(|known| known.revision);
                // Every change within the filter is sent, so no revision may be missing.
                let follows = known.is_none_or(|known| now.revision == known + 1);
                require(follows, || {
                    format!("revision {} came after {known:?}", now.revision)
                })?;
                let written = model.seen_at(change.sequence).remove(&now.instance_id);
                require(written.as_ref() == Some(&now), || {
                    format!("{now:?} was never written")
                })?;
                self.received
                    .push(Delivered::Changed(change.sequence, now.instance_id.clone()));
                self.instances.insert(now.instance_id.clone(), now);
            }
            Frame::OutOfView(out) => {
                self.advance(out.sequence)?;
                let known = self.instances.remove(&out.instance_id);
                require(known.is_some(), || {
                    format!("{} left, and had not been there", out.instance_id)
                })?;
                self.received
                    .push(Delivered::Left(out.sequence, out.instance_id.clone()));
            }
            Frame::CaughtUp(caught_up) => {
                self.advance(caught_up.sequence)?;
                self.compare(caught_up.sequence, model, selects)?;
            }
            Frame::Bookmark(bookmark) => self.advance(bookmark.sequence)?,
            Frame::Upstream(_) | Frame::FellBehind(_) | Frame::Drain(_) => {}
        }
        Ok(())
    }

    fn advance(&mut self, sequence: u64) -> Result<(), String> {
        require(self.pending.is_none(), || {
            "a change within a snapshot".into()
        })?;
        let before = mem::replace(&mut self.sequence, sequence);
        require(sequence >= before, || {
            format!("sequence {sequence} came after {before}")
        })
    }

    fn compare(&self, sequence: u64, model: &Model, selects: Selects) -> Result<(), String> {
        require(sequence <= model.newest(), || {
            format!("sequence {sequence} was never written")
        })?;
        let mut expected = model.seen_at(sequence);
        expected.retain(|_, instance| selects(instance));
        require(self.instances == expected, || {
            format!(
                "at {sequence} the picture is\n{:#?}\nand should be\n{expected:#?}",
                self.instances
            )
        })
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
