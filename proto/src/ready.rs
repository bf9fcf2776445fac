//! Responses that are encoded before they reach the threads that serve.
//!
//! Encoding a list of 1,000 rows, and freeing what it was made of, takes as long as hundreds of
//! small requests. The server of an RPC with large answers responds with [`Ready`], so that the
//! thread that made the answer encodes it as well. `build.rs` lists these RPCs. Clients read the
//! message as they read any other.

use std::marker::PhantomData;

use prost::bytes::{BufMut as _, Bytes};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{BufferSettings, EncodeBuf, Encoder};

/// Bytes that are reserved for each request and for each answer. Most of them are smaller, and the
/// buffer of a larger one grows to its size. The library's 8 KiB for each are slow to allocate.
const BUFFER_BYTES: usize = 1_024;
/// Bytes of a stream's messages that are encoded before they are sent: the library's default.
const ENCODED_AT_ONCE_BYTES: usize = 32 * 1_024;

/// The buffers of requests and answers.
pub(crate) fn buffers() -> BufferSettings {
    BufferSettings::new(BUFFER_BYTES, ENCODED_AT_ONCE_BYTES)
}

/// A `T` in its encoded form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready<T> {
    bytes: Bytes,
    message: PhantomData<fn() -> T>,
}

impl<T: Message> Ready<T> {
    /// Encodes a message on the calling thread.
    pub fn new(message: &T) -> Self {
        Self {
            bytes: message.encode_to_vec().into(),
            message: PhantomData,
        }
    }
}

impl<T: Message + Default> Ready<T> {
    /// Reads the message.
    ///
    /// # Errors
    /// [`DecodeError`], which no message of [`Self::new`] causes.
    pub fn message(&self) -> Result<T, DecodeError> {
        T::decode(self.bytes.clone())
    }
}

/// The empty message, which has no bytes.
impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self {
            bytes: Bytes::new(),
            message: PhantomData,
        }
    }
}

impl<T: Message> From<T> for Ready<T> {
    fn from(message: T) -> Self {
        Self::new(&message)
    }
}

/// What a response is written from: a message, or one that is encoded already.
pub trait Outgoing {
    /// Writes its bytes.
    fn write(self, buffer: &mut EncodeBuf<'_>);
}

impl<T: Message> Outgoing for T {
    fn write(self, buffer: &mut EncodeBuf<'_>) {
        buffer.reserve(self.encoded_len());
        self.encode_raw(buffer);
    }
}

impl<T> Outgoing for Ready<T> {
    fn write(self, buffer: &mut EncodeBuf<'_>) {
        buffer.put(self.bytes);
    }
}

/// Writes messages, encoded or not.
#[derive(Debug, Clone)]
pub struct OutgoingEncoder<T>(PhantomData<fn() -> T>);

impl<T> Default for OutgoingEncoder<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Outgoing> Encoder for OutgoingEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.write(buffer);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
