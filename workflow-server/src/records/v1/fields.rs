//! Declared fields, of a workflow or of a form.

use aftercall_definition::time::{Offset, SpanUnit};
use aftercall_definition::value::FieldDeclaration;

use super::codes::Coded;
use super::value::ValueRecord;
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FieldDeclarationRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    field_type: i32,
    #[prost(bool, tag = "3")]
    required: bool,
    #[prost(string, tag = "4")]
    label: String,
    #[prost(message, optional, tag = "5")]
    default: Option<ValueRecord>,
    #[prost(message, repeated, tag = "6")]
    values: Vec<ValueRecord>,
    #[prost(double, optional, tag = "7")]
    min: Option<f64>,
    #[prost(double, optional, tag = "8")]
    max: Option<f64>,
    #[prost(message, optional, tag = "9")]
    earliest: Option<OffsetRecord>,
    #[prost(message, optional, tag = "10")]
    latest: Option<OffsetRecord>,
    #[prost(bool, tag = "11")]
    sensitive: bool,
}

/// The distance of a moment from the current time.
#[derive(Clone, PartialEq, prost::Message)]
struct OffsetRecord {
    #[prost(sint32, tag = "1")]
    amount: i32,
    #[prost(int32, tag = "2")]
    unit: i32,
}

impl From<Offset> for OffsetRecord {
    fn from(offset: Offset) -> Self {
        Self {
            amount: offset.amount,
            unit: offset.unit.code(),
        }
    }
}

impl TryFrom<OffsetRecord> for Offset {
    type Error = RecordError;

    fn try_from(record: OffsetRecord) -> Result<Self, RecordError> {
        Ok(Self {
            amount: record.amount,
            unit: SpanUnit::from_code(record.unit)?,
        })
    }
}

pub(super) fn declarations(fields: &[FieldDeclaration]) -> Vec<FieldDeclarationRecord> {
    let record = |field: &FieldDeclaration| FieldDeclarationRecord {
        name: field.name.clone(),
        field_type: field.field_type.code(),
        required: field.required,
        label: field.label.clone(),
        default: field.default.as_ref().map(Into::into),
        values: field.values.iter().map(Into::into).collect(),
        min: field.min,
        max: field.max,
        earliest: field.earliest.map(Into::into),
        latest: field.latest.map(Into::into),
        sensitive: field.sensitive,
    };
    fields.iter().map(record).collect()
}

pub(super) fn from_declarations(
    records: Vec<FieldDeclarationRecord>,
) -> Result<Vec<FieldDeclaration>, RecordError> {
    let field = |record: FieldDeclarationRecord| {
        Ok(FieldDeclaration {
            name: record.name,
            field_type: Coded::from_code(record.field_type)?,
            required: record.required,
            label: record.label,
            default: record.default.map(TryInto::try_into).transpose()?,
            values: record
                .values
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, RecordError>>()?,
            min: record.min,
            max: record.max,
            earliest: record.earliest.map(TryInto::try_into).transpose()?,
            latest: record.latest.map(TryInto::try_into).transpose()?,
            // An older server stored no such mark.
            sensitive: record.sensitive,
        })
    };
    records.into_iter().map(field).collect()
}
