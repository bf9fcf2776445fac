//! Writes the fields of a message without building its record. An entry is written for each change:
//! a record would copy each of its texts and lists first.
//!
//! Promise: the bytes are those of the record. The caller writes fields in the order of their tags.
//! A test writes arbitrary entries both ways.

use aftercall_definition::time::Time;
use prost::Message;
use prost::bytes::BufMut as _;
use prost::encoding::{
    WireType, encode_key, encode_varint, encoded_len_varint, message, sint64, uint64,
};

/// The fields of a message that is being written.
pub(super) struct Fields<'b> {
    pub(super) bytes: &'b mut Vec<u8>,
}

impl Fields<'_> {
    /// A number; 0 is left out.
    pub(super) fn number(&mut self, tag: u32, number: impl Into<u64>) {
        let number = number.into();
        if number != 0 {
            uint64::encode(tag, &number, self.bytes);
        }
    }

    /// The number of a member of a closed list.
    pub(super) fn code(&mut self, tag: u32, code: i32) {
        self.number(tag, code.unsigned_abs());
    }

    /// A time; 0 is left out.
    pub(super) fn time(&mut self, tag: u32, time: Time) {
        if time.0 != 0 {
            sint64::encode(tag, &time.0, self.bytes);
        }
    }

    /// A time that may be missing.
    pub(super) fn optional_time(&mut self, tag: u32, time: Option<Time>) {
        if let Some(time) = time {
            sint64::encode(tag, &time.0, self.bytes);
        }
    }

    /// A text; an empty one is left out.
    pub(super) fn text(&mut self, tag: u32, text: &str) {
        if !text.is_empty() {
            self.given_text(tag, text);
        }
    }

    /// A text that is written also if it is empty.
    pub(super) fn given_text(&mut self, tag: u32, text: &str) {
        encode_key(tag, WireType::LengthDelimited, self.bytes);
        encode_varint(text.len() as u64, self.bytes);
        self.bytes.put_slice(text.as_bytes());
    }

    /// A list of numbers; an empty one is left out.
    pub(super) fn numbers(&mut self, tag: u32, numbers: impl ExactSizeIterator<Item = u32>) {
        if numbers.len() > 0 {
            self.message(tag, |list| {
                numbers.for_each(|number| encode_varint(number.into(), list.bytes));
            });
        }
    }

    /// A message.
    pub(super) fn message(&mut self, tag: u32, write: impl FnOnce(&mut Fields<'_>)) {
        encode_key(tag, WireType::LengthDelimited, self.bytes);
        delimited(self.bytes, write);
    }

    /// A message whose record is small or seldom written.
    pub(super) fn record(&mut self, tag: u32, record: &impl Message) {
        message::encode(tag, record, self.bytes);
    }

    /// The same, for one that may be missing.
    pub(super) fn optional_record(&mut self, tag: u32, record: Option<impl Message>) {
        if let Some(record) = record {
            self.record(tag, &record);
        }
    }
}

/// Writes a message after its length.
pub(super) fn delimited(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
    let start = bytes.len();
    bytes.put_u8(0);
    write(&mut Fields { bytes });
    let end = bytes.len();
    let length = (end - start - 1) as u64;
    // The length of a larger message has more than one byte: the message is moved.
    let width = encoded_len_varint(length);
    bytes.resize(end + width - 1, 0);
    bytes.copy_within(start + 1..end, start + width);
    encode_varint(length, &mut &mut bytes[start..start + width]);
}
