//! How messages are read. A request is looked through before memory is taken for it, and its texts
//! are cleaned (see `pasted`).
//!
//! An empty message in a list has two bytes on the wire and a hundred or more in memory, so that a
//! request of 2 MiB could take 115 MiB before any limit of a field is looked at. The look follows
//! the descriptors, allocates nothing, and is made for large requests only.
//!
//! Must not: know what a request means. Limits of fields are checked by the services.

use std::marker::PhantomData;
use std::sync::LazyLock;

use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::pasted;
use crate::ready::{Outgoing, OutgoingEncoder, buffers};

/// Values of a request, those of messages in it included: three times those of the largest batch
/// (10,000 items). In memory they take at most some megabytes.
pub const REQUEST_VALUES_MAX: usize = 32_768;
/// Bytes of a request up to which it is not looked through: it cannot hold enough values to matter.
const LOOKED_THROUGH_FROM_BYTES: usize = 4_096;
/// How deep messages may be nested; prost refuses deeper ones.
const DEPTH_MAX: usize = 100;

static DESCRIPTORS: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(crate::DESCRIPTORS).ok());

/// Reads and writes messages as prost does; a request is bounded in its values.
#[derive(Debug, Clone)]
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Outgoing + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = OutgoingEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        OutgoingEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder::default()
    }
}

/// Reads messages; requests are looked through first.
#[derive(Debug, Clone)]
pub struct BoundedDecoder<U>(PhantomData<U>);

impl<U> Default for BoundedDecoder<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<U: Message + Name + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if is_request::<U>() {
            if buffer.remaining() > LOOKED_THROUGH_FROM_BYTES
                && has_too_many_values::<U>(buffer.chunk())
            {
                return Err(too_many_values());
            }
            if pasted::has_suspicious(buffer.chunk())
                && let Some(clean) = descriptor_of::<U>()
                    .and_then(|message| pasted::cleaned(message, buffer.chunk()))
            {
                buffer.advance(buffer.remaining());
                return U::decode(&*clean)
                    .map(Some)
                    .map_err(|error| malformed::<U>(&error));
            }
        }
        U::decode(buffer)
            .map(Some)
            .map_err(|error| malformed::<U>(&error))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

/// What a server reads are requests; what a client reads are responses, from the server that it
/// chose.
fn is_request<U: Name>() -> bool {
    U::NAME.ends_with("Request")
}

fn descriptor_of<U: Name>() -> Option<MessageDescriptor> {
    DESCRIPTORS
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(&U::full_name()))
}

fn has_too_many_values<U: Name>(bytes: &[u8]) -> bool {
    let mut room = REQUEST_VALUES_MAX;
    descriptor_of::<U>()
        .is_some_and(|message| count(&message, bytes, &mut room, DEPTH_MAX).is_none())
}

/// Takes the values of a message out of the room that is left; nothing where there is too little.
/// Bytes that are no message end the count: decoding them names the error.
fn count(
    message: &MessageDescriptor,
    mut bytes: &[u8],
    room: &mut usize,
    depth: usize,
) -> Option<()> {
    while !bytes.is_empty() {
        let Ok((number, wire_type)) = decode_key(&mut bytes) else {
            return Some(());
        };
        *room = room.checked_sub(1)?;
        if wire_type != WireType::LengthDelimited {
            if skip_field(wire_type, number, &mut bytes, DecodeContext::default()).is_err() {
                return Some(());
            }
            continue;
        }
        let length = decode_varint(&mut bytes)
            .ok()
            .and_then(|length| usize::try_from(length).ok());
        let Some((value, rest)) = length.and_then(|length| bytes.split_at_checked(length)) else {
            return Some(());
        };
        bytes = rest;
        if let Some(Kind::Message(inner)) = message.get_field(number).map(|field| field.kind())
            && depth > 0
        {
            count(&inner, value, room, depth - 1)?;
        }
    }
    Some(())
}

fn too_many_values() -> Status {
    let message =
        format!("the request has more than {REQUEST_VALUES_MAX} values: send fewer in one request");
    refused(Code::InvalidArgument, message)
}

fn malformed<U: Name>(error: &prost::DecodeError) -> Status {
    let message = format!("the bytes are not a {}: {error}", U::NAME);
    let code = if is_request::<U>() {
        Code::InvalidArgument
    } else {
        Code::Internal
    };
    refused(code, message)
}

fn refused(code: Code, message: String) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(
        "INVALID_REQUEST",
        "aftercall",
        std::collections::HashMap::new(),
    );
    Status::with_error_details(code, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::v1::{
        Caller, HandOverRequest, PushButtonRequest, SetWorkflowRequest, StartBatchRequest,
    };

    fn is_refused<U: Message + Name>(message: &U) -> bool {
        has_too_many_values::<U>(&message.encode_to_vec())
    }

    #[test]
    fn the_largest_batch_has_room() {
        let ids = vec!["1f-2a-9c3d".to_owned(); 10_000];
        assert!(!is_refused(&StartBatchRequest {
            instance_ids: ids,
            ..StartBatchRequest::default()
        }));
    }

    #[test]
    fn a_long_text_counts_as_one_value() {
        let push = PushButtonRequest {
            note: "(".repeat(1 << 20),
            ..PushButtonRequest::default()
        };
        assert!(!is_refused(&push));
    }

    #[test]
    fn many_small_values_are_refused_wherever_they_are() {
        assert!(is_refused(&HandOverRequest {
            instance_ids: vec![String::new(); 40_000],
            ..HandOverRequest::default()
        }));
        // A field that may come once may still be repeated on the wire, and messages in messages
        // count as well.
        let mut properties = Vec::new();
        for _ in 0..40_000 {
            prost::encoding::message::encode(4, &Caller::default(), &mut properties);
        }
        let mut bytes = SetWorkflowRequest::default().encode_to_vec();
        prost::encoding::bytes::encode(4, &properties, &mut bytes);
        assert!(has_too_many_values::<SetWorkflowRequest>(&bytes));
    }

    #[test]
    fn bytes_that_are_no_message_end_the_count() {
        for bytes in [&[0xff; 32][..], &[0x0a, 0xff, 0xff, 0x01][..], &[0x0c][..]] {
            assert!(
                !has_too_many_values::<SetWorkflowRequest>(bytes),
                "{bytes:?}"
            );
        }
    }
}
