//! The one gate for texts: each text of each request, to either server, loses what nobody sees
//! before a service reads it.
//!
//! What something is found by is cleaned alike where it is stored and where it is looked for, so
//! that two ids that look alike are one. A request without such characters, as almost all are, is
//! only looked through; any other is decoded by its descriptor, cleaned and encoded again.
//!
//! Must not: refuse anything. The services check what is left: control characters, line breaks in
//! ids, lengths.

use std::borrow::Cow;

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, Value};

/// Texts that people read, by the name of their field. All others are something that is found by
/// them.
const PROSE_NAMES: [&str; 4] = ["note", "reason", "text", "title"];
/// The same, by the field's whole name.
const PROSE: [&str; 2] = [
    "aftercall.workflow.v1.Caller.name",
    "aftercall.workflow.v1.CallProperties.DetailsEntry.value",
];
/// Files, and parts of them. They stay as their author wrote them, because they are compared with
/// what is in version control, and errors name places in them: what cannot be shown in them is
/// refused with its place.
const FILE_NAMES: [&str; 2] = ["action", "file"];

/// Whether a request may have a text to clean. Looks at the bytes only, where a text may also be a
/// number by chance.
pub(crate) fn has_suspicious(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(offset) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte >= 0xc2))
    {
        at += offset;
        let width = match bytes[at] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        let c = bytes
            .get(at..at + width)
            .and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
        if c.is_some_and(aftercall_text::is_suspicious) {
            return true;
        }
        at += 1;
    }
    false
}

/// The bytes of a request with clean texts; none where they are no message of this kind: decoding
/// them names the error.
pub(crate) fn cleaned(descriptor: MessageDescriptor, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut message = DynamicMessage::decode(descriptor, bytes).ok()?;
    clean(&mut message);
    Some(message.encode_to_vec())
}

fn clean(message: &mut DynamicMessage) {
    let fields: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
    for field in fields {
        clean_value(&field, message.get_field_mut(&field));
    }
}

fn clean_value(field: &FieldDescriptor, value: &mut Value) {
    match value {
        Value::String(text) => clean_text(field, text),
        Value::Message(message) => clean(message),
        Value::List(values) => values
            .iter_mut()
            .for_each(|value| clean_value(field, value)),
        Value::Map(map) => {
            let kind = field.kind();
            let Some(of_value) = kind
                .as_message()
                .map(MessageDescriptor::map_entry_value_field)
            else {
                return;
            };
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut value)| {
                    clean_value(&of_value, &mut value);
                    (clean_key(key), value)
                })
                .collect();
        }
        _ => {}
    }
}

fn clean_key(key: MapKey) -> MapKey {
    match key {
        MapKey::String(text) => MapKey::String(aftercall_text::key(&text).into_owned()),
        key => key,
    }
}

fn clean_text(field: &FieldDescriptor, text: &mut String) {
    let is_prose = PROSE_NAMES.contains(&field.name()) || PROSE.contains(&field.full_name());
    let clean = match FILE_NAMES.contains(&field.name()) {
        true => Cow::Borrowed(text.as_str()),
        false if is_prose => aftercall_text::prose(text),
        false => aftercall_text::key(text),
    };
    if let Cow::Owned(clean) = clean {
        *text = clean;
    }
}

#[cfg(test)]
mod tests {
    use prost::Name;
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::workflow::v1::{
        AddNoteRequest, CallProperties, CallRef, Caller, CreateWorkflowRequest, HandOverRequest,
        SetWorkflowRequest, Value, value,
    };

    fn cleaned_message<M: prost::Message + Name + Default>(message: &M) -> M {
        let pool = DescriptorPool::decode(crate::DESCRIPTORS).expect("our own protos");
        let descriptor = pool
            .get_message_by_name(&M::full_name())
            .expect("our own message");
        let bytes = message.encode_to_vec();
        assert!(has_suspicious(&bytes));
        M::decode(&*cleaned(descriptor, &bytes).expect("a message")).expect("a message")
    }

    #[test]
    fn pasted_text_used_for_lookup_is_cleaned_everywhere() {
        let text = |text: &str| Value {
            kind: Some(value::Kind::Text(text.to_owned())),
        };
        let request = SetWorkflowRequest {
            call: Some(CallRef {
                source: "script\u{200b}s".to_owned(),
                id: "\u{feff}1001".to_owned(),
            }),
            properties: Some(CallProperties {
                customer: "Acme\u{a0}Ltd".to_owned(),
                caller: Some(Caller {
                    name: "\u{202a}می\u{200c}خواهم\u{202c}".to_owned(),
                    phone: "\u{202d}+44 20\u{a0}7946 0001\u{202c}".to_owned(),
                    ..Caller::default()
                }),
                details: [("key\u{ad}".to_owned(), "می\u{200c}خواهم".to_owned())].into(),
                ..CallProperties::default()
            }),
            fields: [("amount\u{200b}".to_owned(), text("100\u{a0}EUR"))].into(),
            ..SetWorkflowRequest::default()
        };
        let clean = cleaned_message(&request);
        let call = clean.call.expect("a call");
        assert_eq!(
            (call.source.as_str(), call.id.as_str()),
            ("scripts", "1001")
        );
        let properties = clean.properties.expect("properties");
        assert_eq!(properties.customer, "Acme Ltd");
        assert_eq!(
            properties.details,
            [("key".to_owned(), "می\u{200c}خواهم".to_owned())].into()
        );
        let caller = properties.caller.expect("a caller");
        assert_eq!(
            (caller.name.as_str(), caller.phone.as_str()),
            ("می\u{200c}خواهم", "+44 20 7946 0001")
        );
        assert_eq!(
            clean.fields,
            [("amount".to_owned(), text("100 EUR"))].into()
        );
        let lists = HandOverRequest {
            instance_ids: vec!["1-2\u{200b}-3".to_owned()],
            ..HandOverRequest::default()
        };
        assert_eq!(cleaned_message(&lists).instance_ids, ["1-2-3"]);
    }

    #[test]
    fn files_stay_as_they_are_and_notes_keep_their_joiners() {
        let file = CreateWorkflowRequest {
            file: "\u{feff}workflow: a\u{200b}b".to_owned(),
            ..Default::default()
        };
        assert_eq!(cleaned_message(&file), file);
        let note = AddNoteRequest {
            text: "\u{1f469}\u{200d}\u{1f467}\u{200b}!".to_owned(),
            ..Default::default()
        };
        assert_eq!(cleaned_message(&note).text, "\u{1f469}\u{200d}\u{1f467}!");
    }

    #[test]
    fn each_name_of_a_text_names_texts_of_requests() {
        let pool = DescriptorPool::decode(crate::DESCRIPTORS).expect("our own protos");
        let texts: Vec<FieldDescriptor> = pool
            .all_messages()
            .flat_map(|message| message.fields().collect::<Vec<_>>())
            .filter(|field| matches!(field.kind(), prost_reflect::Kind::String))
            .collect();
        for name in PROSE_NAMES.iter().chain(&FILE_NAMES) {
            assert!(texts.iter().any(|field| field.name() == *name), "{name}");
        }
        for name in PROSE {
            assert!(
                texts.iter().any(|field| field.full_name() == name),
                "{name}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_looked_through_as_well() {
        for bytes in [
            &[0xe2][..],
            &[0xff, 0xc2][..],
            &[0xe2, 0x80][..],
            &[0xf3, 0xa0, 0x80][..],
        ] {
            assert!(!has_suspicious(bytes), "{bytes:?}");
        }
        for text in ["\u{a0}", "\u{200b}", "\u{e0041}"] {
            assert!(has_suspicious(format!("{text}x").as_bytes()), "{text:?}");
        }
        assert!(!has_suspicious("Zoë’s café 客户 \u{1f600}".as_bytes()));
    }
}
