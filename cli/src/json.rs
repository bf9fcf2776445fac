//! Proto messages as JSON, by the descriptor set: the protobuf JSON mapping with the field names of
//! the `.proto` files.
//!
//! Promise: every field is written, also empty ones, so that a script finds the keys it looks for;
//! whole numbers stay numbers. Must not: know any message by its fields.

use std::sync::LazyLock;

use aftercall_proto::DESCRIPTORS;
use prost::Name;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::errors::Failure;
use crate::sensitive::Sensitive;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// The message as JSON, with its sensitive values or without.
pub(crate) fn value<M: Name>(message: &M, sensitive: Sensitive) -> Result<Value, Failure> {
    let unknown = || {
        Failure::refused(format!(
            "This build does not know how to write {} as JSON.",
            M::full_name()
        ))
    };
    let descriptor = POOL
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(&M::full_name()))
        .ok_or_else(unknown)?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).map_err(|_| unknown())?;
    sensitive.apply(&mut dynamic);
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| Failure::refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1 as alert;
    use aftercall_proto::workflow::v1 as workflow;

    use super::*;

    #[test]
    fn the_descriptor_set_has_the_messages_of_both_servers() {
        let pool = POOL.as_ref().unwrap();
        for name in [
            alert::SubscribeResponse::full_name(),
            alert::Wallboard::full_name(),
            workflow::FollowUp::full_name(),
            workflow::GetServerInfoResponse::full_name(),
            workflow::PushButtonResponse::full_name(),
        ] {
            assert!(pool.get_message_by_name(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn empty_fields_are_written_and_numbers_stay_numbers() {
        let team = workflow::Team {
            name: "billing".to_owned(),
            title: String::new(),
            revision: 7,
            claim_next_only: false,
        };
        assert_eq!(
            value(&team, Sensitive::Hidden).unwrap(),
            serde_json::json!({"name": "billing", "title": "", "revision": 7, "claim_next_only": false})
        );
    }

    #[test]
    fn enums_are_written_by_name_and_times_as_rfc_3339() {
        let follow_up = workflow::FollowUp {
            status: workflow::Status::Active.into(),
            due: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            ..Default::default()
        };
        let json = value(&follow_up, Sensitive::Hidden).unwrap();
        assert_eq!(json["status"], "STATUS_ACTIVE");
        assert_eq!(json["due"], "1970-01-01T00:00:00Z");
    }
}
