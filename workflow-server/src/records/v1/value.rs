//! Values of fields and of forms.

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::records::RecordError;

/// The value of a field. Personal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueRecord {
    #[prost(oneof = "ValueKind", tags = "1, 2, 3, 4")]
    kind: Option<ValueKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ValueKind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(bool, tag = "3")]
    Bool(bool),
    #[prost(sint64, tag = "4")]
    Time(i64),
}

impl From<&Value> for ValueRecord {
    fn from(value: &Value) -> Self {
        let kind = match value {
            Value::Text(text) => ValueKind::Text(text.to_string()),
            Value::Number(number) => ValueKind::Number(*number),
            Value::Bool(flag) => ValueKind::Bool(*flag),
            Value::Time(time) => ValueKind::Time(time.0),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<ValueRecord> for Value {
    type Error = RecordError;

    fn try_from(record: ValueRecord) -> Result<Self, RecordError> {
        Ok(match record.kind.ok_or(RecordError::Incomplete("value"))? {
            ValueKind::Text(text) => Self::Text(text.into()),
            ValueKind::Number(number) => Self::Number(number),
            ValueKind::Bool(flag) => Self::Bool(flag),
            ValueKind::Time(time) => Self::Time(Time(time)),
        })
    }
}

/// A value of a form. Personal.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FormValueRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<ValueRecord>,
}

impl From<&(Box<str>, Value)> for FormValueRecord {
    fn from((name, value): &(Box<str>, Value)) -> Self {
        Self {
            name: name.to_string(),
            value: Some(value.into()),
        }
    }
}

impl TryFrom<FormValueRecord> for (Box<str>, Value) {
    type Error = RecordError;

    fn try_from(record: FormValueRecord) -> Result<Self, RecordError> {
        let value = record.value.ok_or(RecordError::Incomplete("form value"))?;
        Ok((record.name.into(), value.try_into()?))
    }
}
