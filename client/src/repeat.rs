//! Which requests may be sent again although a server may have begun them.
//!
//! Promise: a request that changes something is sent again only with its request id, for which the
//! server has one effect and repeats its first answer. Must not: know an RPC by name.

use aftercall_proto::rules::rule;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// What precedes a message of gRPC: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Whether a second request of this path and content has no second effect: it reads, or it has a
/// `request_id`. `sent` is the body of the request, with the prefix of gRPC.
#[must_use]
pub fn is_repeatable(path: &str, sent: &[u8]) -> bool {
    let Some(rule) = rule(path) else { return false };
    if !rule.is_action {
        return true;
    }
    let Some(field) = rule.request_id_field else {
        return false;
    };
    match sent.split_at_checked(PREFIX_BYTES) {
        Some(([0, ..], message)) => has_text(message, field),
        _ => false,
    }
}

/// Whether a message has a text in this field.
fn has_text(mut message: &[u8], field: u32) -> bool {
    while !message.is_empty() {
        let Ok((number, wire)) = decode_key(&mut message) else {
            return false;
        };
        if number == field {
            return wire == WireType::LengthDelimited
                && decode_varint(&mut message).is_ok_and(|bytes| bytes > 0);
        }
        if skip_field(wire, number, &mut message, DecodeContext::default()).is_err() {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{
        AcknowledgeAlertRequest, GetFollowUpRequest, PushButtonRequest,
    };
    use prost::Message;

    use super::*;

    fn framed(message: &impl Message) -> Vec<u8> {
        let mut bytes = vec![0; PREFIX_BYTES];
        message.encode(&mut bytes).expect("it has room");
        bytes
    }

    #[test]
    fn a_change_is_repeatable_with_its_request_id() {
        let path = "/aftercall.workflow.v1.CallManagerService/PushButton";
        let mut push = PushButtonRequest {
            actor: "Ann".to_owned(),
            ..PushButtonRequest::default()
        };
        assert!(!is_repeatable(path, &framed(&push)));
        push.request_id = "one".to_owned();
        assert!(is_repeatable(path, &framed(&push)));
        let mut compressed = framed(&push);
        compressed[0] = 1;
        assert!(!is_repeatable(path, &compressed), "its content is unknown");
        assert!(!is_repeatable(path, &[0, 0]), "it was not sent");
    }

    #[test]
    fn reads_are_repeatable_and_other_changes_never() {
        let service = "/aftercall.workflow.v1.CallManagerService";
        let get = framed(&GetFollowUpRequest::default());
        assert!(is_repeatable(&format!("{service}/GetFollowUp"), &get));
        assert!(is_repeatable(
            "/aftercall.feed.v1.ChangeFeedService/Tail",
            &[]
        ));
        let acknowledge = AcknowledgeAlertRequest {
            actor: "Ann".to_owned(),
            ..AcknowledgeAlertRequest::default()
        };
        let path = format!("{service}/AcknowledgeAlert");
        assert!(!is_repeatable(&path, &framed(&acknowledge)));
        assert!(!is_repeatable("/other.Service/Get", &get));
    }
}
