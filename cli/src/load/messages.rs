//! The bytes of requests, and the parts of answers that are read.
//!
//! Fields of a message may come in any order. What is the same in all requests of a kind is
//! therefore encoded once, and what is a request's own is put behind it.

use aftercall_proto::workflow::v1::CallRef;
use prost::Message;
use prost::bytes::{BufMut as _, Bytes, BytesMut};

use crate::load::http2::PREFIX_BYTES;

/// What all requests of a kind have in common, encoded.
#[derive(Debug, Clone)]
pub(super) struct Template(Bytes);

impl Template {
    pub(super) fn new(message: &impl Message) -> Self {
        Self(message.encode_to_vec().into())
    }

    /// One framed message: the template, and the fields of this request.
    pub(super) fn frame(&self, own: &impl Message) -> Bytes {
        let length = self.0.len() + own.encoded_len();
        let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
        frame.put_u8(0);
        frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        frame.put_slice(&self.0);
        own.encode_raw(&mut frame);
        frame.freeze()
    }
}

/// A SetWorkflowRequest's own fields: the numbers are the proto's, as of all messages here.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetFields {
    #[prost(string, tag = "1")]
    pub(super) request_id: String,
    #[prost(message, optional, tag = "3")]
    pub(super) call: Option<CallRef>,
}

/// A PushButtonRequest's.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PushFields {
    #[prost(string, tag = "1")]
    pub(super) request_id: String,
    #[prost(string, tag = "3")]
    pub(super) instance_id: String,
    #[prost(uint32, tag = "5")]
    pub(super) visit: u32,
    #[prost(uint32, tag = "8")]
    pub(super) stage: u32,
}

/// A GetFollowUpRequest's, and a ListHistoryRequest's.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InstanceField {
    #[prost(string, tag = "1")]
    pub(super) instance_id: String,
}

/// The part of a SetWorkflowResponse that is read.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) follow_up: Option<FollowUpPart>,
    #[prost(uint64, tag = "6")]
    pub(super) sequence: u64,
}

/// Of a FollowUp.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FollowUpPart {
    #[prost(string, tag = "1")]
    pub(super) instance_id: String,
    #[prost(message, optional, tag = "6")]
    pub(super) stage: Option<StagePart>,
    #[prost(uint32, tag = "7")]
    pub(super) visit: u32,
}

/// Of a Stage.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StagePart {
    #[prost(uint32, tag = "1")]
    pub(super) number: u32,
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{
        FollowUp, GetFollowUpRequest, ListHistoryRequest, PushButtonRequest, SetWorkflowRequest,
        SetWorkflowResponse, Stage,
    };

    use super::*;

    /// Reads a frame as the server does.
    fn read<M: Message + Default>(frame: &Bytes) -> M {
        let length = u32::from_be_bytes(frame[1..PREFIX_BYTES].try_into().unwrap());
        assert_eq!((frame[0], length as usize), (0, frame.len() - PREFIX_BYTES));
        M::decode(&frame[PREFIX_BYTES..]).unwrap()
    }

    #[test]
    fn a_set_workflow_has_its_own_id_and_call() {
        let template = SetWorkflowRequest {
            actor: "load".to_owned(),
            workflow: "refund".to_owned(),
            ..Default::default()
        };
        let call = CallRef {
            source: "load".to_owned(),
            id: "7".to_owned(),
        };
        let own = SetFields {
            request_id: "r-7".to_owned(),
            call: Some(call.clone()),
        };
        let expected = SetWorkflowRequest {
            request_id: "r-7".to_owned(),
            call: Some(call),
            ..template.clone()
        };
        let frame = Template::new(&template).frame(&own);
        assert_eq!(read::<SetWorkflowRequest>(&frame), expected);
    }

    #[test]
    fn a_push_has_its_own_instance_and_visit() {
        let template = PushButtonRequest {
            button_id: "pay-out".to_owned(),
            ..Default::default()
        };
        let own = PushFields {
            request_id: "r".to_owned(),
            instance_id: "i".to_owned(),
            visit: 2,
            stage: 3,
        };
        let expected = PushButtonRequest {
            request_id: "r".to_owned(),
            instance_id: "i".to_owned(),
            visit: 2,
            stage: 3,
            ..template.clone()
        };
        let frame = Template::new(&template).frame(&own);
        assert_eq!(read::<PushButtonRequest>(&frame), expected);
    }

    #[test]
    fn reads_name_their_instance() {
        let own = InstanceField {
            instance_id: "i".to_owned(),
        };
        let frame = Template::new(&ListHistoryRequest::default()).frame(&own);
        assert_eq!(read::<ListHistoryRequest>(&frame).instance_id, "i");
        assert_eq!(read::<GetFollowUpRequest>(&frame).instance_id, "i");
    }

    #[test]
    fn the_ids_of_an_answer_are_read() {
        let follow_up = FollowUp {
            instance_id: "i".to_owned(),
            workflow: "refund".to_owned(),
            stage: Some(Stage {
                number: 4,
                title: "To be paid".to_owned(),
                ..Default::default()
            }),
            visit: 2,
            ..Default::default()
        };
        let answer = SetWorkflowResponse {
            follow_up: Some(follow_up),
            sequence: 9,
            ..Default::default()
        };
        let read = SetAnswer::decode(answer.encode_to_vec().as_slice()).unwrap();
        let part = read.follow_up.unwrap();
        assert_eq!((part.instance_id.as_str(), part.visit), ("i", 2));
        assert_eq!((part.stage.unwrap().number, read.sequence), (4, 9));
    }
}
