//! Values of sensitive fields, which the command line shows only with a flag.
//!
//! Promise: a value is hidden by the names that its message has beside it, in tables and in JSON
//! alike. Must not: know what a field means.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::Value;
use aftercall_proto::workflow::v1::value::Kind;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MapKey, Value as Reflected};

/// What a table shows in place of a value.
const MARK: &str = "(sensitive)";

/// The maps of values, each with the list of those that are sensitive.
const MAPS: [(&str, &str); 2] = [
    ("fields", "sensitive_fields"),
    ("values", "sensitive_values"),
];

/// Whether values of sensitive fields are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sensitive {
    /// A mark is shown instead, and JSON has an empty value.
    Hidden,
    /// They are shown as others are.
    Shown,
}

impl Sensitive {
    /// The values as people see them. `names` are the sensitive ones.
    pub(crate) fn shown(
        self,
        values: &BTreeMap<String, Value>,
        names: &[String],
    ) -> BTreeMap<String, Value> {
        let mut shown = values.clone();
        for (name, value) in &mut shown {
            if self == Self::Hidden && names.contains(name) {
                value.kind = Some(Kind::Text(MARK.to_owned()));
            }
        }
        shown
    }

    /// Empties the values of a message, and of all that are in it. A program that needs one does not
    /// take a mark for it.
    pub(crate) fn apply(self, message: &mut DynamicMessage) {
        if self == Self::Hidden {
            hide(message);
        }
    }
}

fn hide(message: &mut DynamicMessage) {
    for (values, names) in MAPS {
        let names = names_in(message, names);
        if names.is_empty() {
            continue;
        }
        if let Some(Reflected::Map(values)) = message.get_field_by_name_mut(values) {
            for name in names {
                if let Some(Reflected::Message(value)) = values.get_mut(&MapKey::String(name)) {
                    value.clear();
                }
            }
        }
    }
    for (_, part) in message.fields_mut() {
        match part {
            Reflected::Message(part) => hide(part),
            Reflected::List(parts) => parts.iter_mut().for_each(hide_in),
            Reflected::Map(parts) => parts.values_mut().for_each(hide_in),
            _ => {}
        }
    }
}

fn hide_in(part: &mut Reflected) {
    if let Reflected::Message(part) = part {
        hide(part);
    }
}

fn names_in(message: &DynamicMessage, field: &str) -> Vec<String> {
    let names = message.get_field_by_name(field);
    let names = names.as_deref().and_then(Reflected::as_list);
    let names = names.unwrap_or_default().iter();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use aftercall_proto::DESCRIPTORS;
    use aftercall_proto::alert::v1::subscribe_response::Frame;
    use aftercall_proto::alert::v1::{StageChange, SubscribeResponse};
    use aftercall_proto::workflow::v1::{Cause, FollowUp, FollowUpRow, ListFollowUpsResponse};
    use prost_reflect::{DescriptorPool, FieldDescriptor};
    use serde_json::json;

    use super::*;
    use crate::json::value;

    fn values() -> BTreeMap<String, Value> {
        let text = |name: &str, text: &str| {
            let kind = Some(Kind::Text(text.to_owned()));
            (name.to_owned(), Value { kind })
        };
        BTreeMap::from([text("account", "DE77"), text("order", "B-1")])
    }

    fn names() -> Vec<String> {
        vec!["account".to_owned()]
    }

    fn follow_up() -> FollowUp {
        FollowUp {
            fields: values(),
            sensitive_fields: names(),
            ..FollowUp::default()
        }
    }

    #[test]
    fn a_table_has_a_mark_in_place_of_a_value() {
        let hidden = Sensitive::Hidden.shown(&values(), &names());
        assert_eq!(
            crate::values::shown_all(&hidden),
            "account=(sensitive) order=B-1"
        );
        assert_eq!(Sensitive::Shown.shown(&values(), &names()), values());
    }

    #[test]
    fn json_hides_values_wherever_they_are() {
        let row = FollowUpRow {
            follow_up: Some(follow_up()),
            ..FollowUpRow::default()
        };
        let list = ListFollowUpsResponse {
            rows: vec![row],
            ..ListFollowUpsResponse::default()
        };
        let change = StageChange {
            follow_up: Some(follow_up()),
            cause: Some(Cause {
                values: values(),
                sensitive_values: names(),
                ..Cause::default()
            }),
            ..StageChange::default()
        };
        let frame = SubscribeResponse {
            frame: Some(Frame::StageChange(change)),
            ..SubscribeResponse::default()
        };
        let both = |sensitive| {
            [
                value(&list, sensitive).unwrap(),
                value(&frame, sensitive).unwrap(),
            ]
        };
        let [list, frame] = both(Sensitive::Hidden);
        let hidden = json!({"account": {}, "order": {"text": "B-1"}});
        assert_eq!(list["rows"][0]["follow_up"]["fields"], hidden);
        assert_eq!(
            list["rows"][0]["follow_up"]["sensitive_fields"],
            json!(["account"])
        );
        assert_eq!(frame["stage_change"]["follow_up"]["fields"], hidden);
        assert_eq!(frame["stage_change"]["cause"]["values"], hidden);
        // The control.
        for shown in both(Sensitive::Shown) {
            assert!(shown.to_string().contains("DE77"), "{shown}");
        }
    }

    /// Requests have values that their sender knows.
    const OF_REQUESTS: [&str; 5] = [
        "PushButtonRequest.form",
        "PushWork.form",
        "SetWorkflowRequest.fields",
        "SimulateWorkflowRequest.fields",
        "SimulatedPush.form",
    ];

    #[test]
    fn every_answer_names_its_sensitive_values() {
        let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
        let value = pool
            .get_message_by_name("aftercall.workflow.v1.Value")
            .unwrap();
        let mut unnamed = Vec::new();
        for message in pool.all_messages().filter(|one| !one.is_map_entry()) {
            for field in message.fields().filter(FieldDescriptor::is_map) {
                let entry = field.kind().as_message().cloned();
                let kind = entry.map(|entry| entry.map_entry_value_field().kind());
                let has_values = kind.is_some_and(|kind| kind.as_message() == Some(&value));
                let names = MAPS.iter().find(|(values, _)| *values == field.name());
                let is_named =
                    names.is_some_and(|(_, names)| message.get_field_by_name(names).is_some());
                if has_values && !is_named {
                    unnamed.push(format!("{}.{}", message.name(), field.name()));
                }
            }
        }
        unnamed.sort();
        assert_eq!(unnamed, OF_REQUESTS);
    }
}
