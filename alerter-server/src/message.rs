//! Messages as they leave: a SubscribeResponse, encoded.
//!
//! Promise: a message for many streams is encoded once and shared. A StageChange is composed of the
//! change's bytes and the follow-up's, which the snapshot shares. Its bytes are valid protobuf, as
//! if it had been encoded whole.

use std::time::SystemTime;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{StageChange, SubscribeRequest, SubscribeResponse};
use aftercall_proto::codec::BoundedDecoder;
use bytes::{BufMut as _, Bytes};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use tonic::Status;
use tonic::codec::{BufferSettings, EncodeBuf, Encoder};

use crate::limits::{STREAM_BUFFER_BYTES, STREAM_WRITE_BYTES};
use crate::shown::Shown;

/// Field numbers of the proto that are composed by hand; a test compares them with the generated
/// code.
const SNAPSHOT_ITEM: u32 = 3;
const STAGE_CHANGE: u32 = 5;
const FOLLOW_UP_OF_ITEM: u32 = 1;
const FOLLOW_UP_OF_CHANGE: u32 = 3;

/// An encoded message, shared by all streams that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message(Bytes);

/// A StageChange without its follow-up, encoded.
#[derive(Clone, Debug)]
pub(crate) struct ChangeBody(Bytes);

impl Message {
    /// Any frame; `at` is the workflow-server's time.
    pub(crate) fn new(token: &str, at: SystemTime, frame: Frame) -> Self {
        let response = SubscribeResponse {
            frame: Some(frame),
            ..opening(token, at)
        };
        Self(response.encode_to_vec().into())
    }

    /// A follow-up of a snapshot.
    pub(crate) fn snapshot_item(at: SystemTime, shown: &Shown) -> Self {
        compose(
            &opening("", at),
            SNAPSHOT_ITEM,
            &[],
            FOLLOW_UP_OF_ITEM,
            shown,
        )
    }

    /// A follow-up that changed.
    pub(crate) fn stage_change(
        token: &str,
        at: SystemTime,
        body: &ChangeBody,
        shown: &Shown,
    ) -> Self {
        compose(
            &opening(token, at),
            STAGE_CHANGE,
            &body.0,
            FOLLOW_UP_OF_CHANGE,
            shown,
        )
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// As a client reads it.
    #[cfg(test)]
    pub(crate) fn decode(&self) -> Result<SubscribeResponse, prost::DecodeError> {
        SubscribeResponse::decode(self.0.clone())
    }
}

impl ChangeBody {
    /// Encodes all of a change but its follow-up.
    pub(crate) fn new(change: &StageChange) -> Self {
        debug_assert!(
            change.follow_up.is_none(),
            "the follow-up is added when the message is put together"
        );
        Self(change.encode_to_vec().into())
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn opening(token: &str, at: SystemTime) -> SubscribeResponse {
    SubscribeResponse {
        token: token.to_owned(),
        server_time: Some(at.into()),
        frame: None,
    }
}

/// A message whose frame has the fields in `body` and a follow-up.
fn compose(
    opening: &SubscribeResponse,
    frame: u32,
    body: &[u8],
    follow_up: u32,
    shown: &Shown,
) -> Message {
    let inner = body.len() + field_len(follow_up, shown.encoded.len());
    let mut message = opening.encode_to_vec();
    message.reserve_exact(field_len(frame, inner));
    begin_field(&mut message, frame, inner);
    message.put_slice(body);
    begin_field(&mut message, follow_up, shown.encoded.len());
    message.put_slice(&shown.encoded);
    Message(message.into())
}

fn begin_field(message: &mut Vec<u8>, field: u32, len: usize) {
    encode_key(field, WireType::LengthDelimited, message);
    encode_varint(len as u64, message);
}

fn field_len(field: u32, len: usize) -> usize {
    key_len(field) + encoded_len_varint(len as u64) + len
}

/// The codec of Subscribe: reads requests, and writes messages that are encoded already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Codec;

impl tonic::codec::Codec for Codec {
    type Encode = Message;
    type Decode = SubscribeRequest;
    type Encoder = Self;
    type Decoder = BoundedDecoder<SubscribeRequest>;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder::default()
    }
}

impl Encoder for Codec {
    type Item = Message;
    type Error = Status;

    fn encode(
        &mut self,
        Message(bytes): Message,
        buffer: &mut EncodeBuf<'_>,
    ) -> Result<(), Status> {
        buffer.put(bytes);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(STREAM_BUFFER_BYTES, STREAM_WRITE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::{CaughtUp, SnapshotItem};
    use aftercall_proto::workflow::v1::{Actor, FollowUp, Stage};

    use super::*;

    #[test]
    fn a_composed_message_reads_like_one_encoded_whole() {
        let follow_up = FollowUp {
            instance_id: "1-2-3".repeat(60),
            revision: 7,
            visible: true,
            ..FollowUp::default()
        };
        let shown = Shown::new(&follow_up, &[]);
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_795_000_000);
        let bare = StageChange {
            sequence: 9,
            actor: Some(Actor {
                name: "ann".to_owned(),
                ..Actor::default()
            }),
            from_stage: Some(Stage {
                number: 2,
                ..Stage::default()
            }),
            ..StageChange::default()
        };
        let change = Message::stage_change("token", at, &ChangeBody::new(&bare), &shown)
            .decode()
            .expect("a response");
        let whole = StageChange {
            follow_up: Some(follow_up.clone()),
            ..bare
        };
        assert_eq!(
            (change.token.as_str(), change.frame),
            ("token", Some(Frame::StageChange(whole)))
        );
        assert_eq!(change.server_time, Some(at.into()));
        let item = Message::snapshot_item(at, &shown)
            .decode()
            .expect("a response");
        assert_eq!(
            item.frame,
            Some(Frame::SnapshotItem(SnapshotItem {
                follow_up: Some(follow_up)
            }))
        );
        let caught_up = Message::new("token", at, Frame::CaughtUp(CaughtUp { sequence: 4 }))
            .decode()
            .expect("a response");
        assert_eq!(
            caught_up.frame,
            Some(Frame::CaughtUp(CaughtUp { sequence: 4 }))
        );
    }
}
