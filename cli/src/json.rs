//! Proto messages as JSON, by the descriptor set: the protobuf JSON mapping with the field names of
//! the `.proto` files.
//!
//! Promise: every field is written, also empty ones, so that a script finds the keys it looks for;
//! whole numbers stay numbers. Must not: know any message by its fields.

use std::sync::LazyLock;

use aftercall_proto::DESCRIPTORS;
use aftercall_proto::alert::v1 as alert;
use aftercall_proto::workflow::v1 as workflow;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::errors::Failure;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// A message that the descriptor set knows by name.
pub(crate) trait Described: Message {
    /// The full name.
    const NAME: &'static str;
}

macro_rules! described {
    ($module:ident, $names:ident, $package:literal: $($message:ident)*) => {
        $(impl Described for $module::$message {
            const NAME: &'static str = concat!($package, ".", stringify!($message));
        })*
        #[cfg(test)]
        pub(super) mod $names {
            pub(crate) const NAMES: &[&str] = &[$(concat!($package, ".", stringify!($message))),*];
        }
    };
}

mod names {
    use super::{Described, alert, workflow};
    described!(alert, of_alerts, "aftercall.alert.v1": SubscribeResponse Wallboard);
    described!(workflow, of_workflows, "aftercall.workflow.v1":
        AcceptClockResponse RemoveTeamResponse ConfirmPurgeResponse ConfirmRetentionResponse AcknowledgeAlertResponse AddActionResponse AddNoteResponse ArchiveWorkflowResponse Calendar CancelInstanceResponse ClaimFollowUpResponse
        CallWithFollowUps ClaimNextResponse CreateWorkflowResponse DiffVersionsResponse EndCallResponse ExplainInstanceResponse ExtendClaimResponse Fault FinishFollowUpResponse FollowUp FollowUpRow GetCallResponse GetServerInfoResponse HandOverResult HistoryItem InstanceCount
        ImportWorkflowResponse PublishWorkflowResponse PushButtonResponse ReleaseClaimResponse RemoveActionResponse SetWorkflowResponse TakeOverResponse Team UpdateActionResponse UpdateCallResponse
        VersionSummary WorkflowDescription WorkflowSummary
        Batch BatchItem ChaseResponse Erasure OverdueTimer StuckInstance MigrateInstanceResponse MoveActionResponse MoveInstanceResponse OpenFollowUp
        PauseFollowUpResponse ReportOutcome ReportRow ResumeFollowUpResponse SnoozeAlertResponse UndoPushResponse);
}

/// The message as JSON.
pub(crate) fn value<M: Described>(message: &M) -> Result<Value, Failure> {
    let unknown = || {
        Failure::refused(format!(
            "This build does not know how to write {} as JSON.",
            M::NAME
        ))
    };
    let descriptor = POOL
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(M::NAME))
        .ok_or_else(unknown)?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).map_err(|_| unknown())?;
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
    use super::*;

    #[test]
    fn every_described_message_is_in_the_descriptor_set() {
        let pool = POOL.as_ref().unwrap();
        for name in names::of_alerts::NAMES
            .iter()
            .chain(names::of_workflows::NAMES)
        {
            assert!(pool.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn empty_fields_are_written_and_numbers_stay_numbers() {
        let team = workflow::Team {
            name: "billing".to_owned(),
            title: String::new(),
            revision: 7,
        };
        assert_eq!(
            value(&team).unwrap(),
            serde_json::json!({"name": "billing", "title": "", "revision": 7})
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
        let json = value(&follow_up).unwrap();
        assert_eq!(json["status"], "STATUS_ACTIVE");
        assert_eq!(json["due"], "1970-01-01T00:00:00Z");
    }
}
