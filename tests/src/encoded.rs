//! Asking any RPC by its descriptor, with messages that are encoded already.

use bytes::{Buf as _, BufMut as _, Bytes};
use prost_reflect::MethodDescriptor;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Messages that are encoded already.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let len = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(len)))
    }
}

/// Sends the request. Returns the answer; of a stream, its first message.
pub async fn ask_encoded(
    channel: &Channel,
    method: &MethodDescriptor,
    request: Vec<u8>,
) -> Result<Bytes, Status> {
    let request = Request::new(request.into());
    let mut answers = ask_encoded_as(channel, method, request, &|_| true).await?;
    Ok(answers.pop().unwrap_or_default())
}

/// Sends the request with its metadata. Returns the answer; of a stream, its messages up to one
/// that is the last.
///
/// # Errors
/// The status of the answer.
pub async fn ask_encoded_as(
    channel: &Channel,
    method: &MethodDescriptor,
    request: Request<Bytes>,
    is_last: &dyn Fn(&[u8]) -> bool,
) -> Result<Vec<Bytes>, Status> {
    let mut client =
        tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    client.ready().await.expect("the server is there");
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = path.parse().expect("a path");
    if !method.is_server_streaming() {
        let answer = client.unary(request, path, Raw).await?;
        return Ok(vec![answer.into_inner()]);
    }
    let mut stream = client
        .server_streaming(request, path, Raw)
        .await?
        .into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = stream.message().await? {
        let was_last = is_last(&answer);
        answers.push(answer);
        if was_last {
            break;
        }
    }
    Ok(answers)
}
