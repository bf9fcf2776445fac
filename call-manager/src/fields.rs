//! A field of a workflow or of a button's form, as an input of a form.

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{FieldDeclaration, FieldType};
use askama::Template;

use crate::shown;
use crate::words::Words;

/// An input with its label. Its name ends in `form.TYPE.NAME`, from which its value is read again.
#[derive(Template)]
#[template(path = "field.html")]
pub(crate) struct FieldInput<'a> {
    pub(crate) words: &'a Words,
    pub(crate) field: &'a FieldDeclaration,
    /// What is before its name.
    pub(crate) prefix: &'a str,
    /// What has been typed before; empty for nothing.
    pub(crate) typed: &'a str,
    pub(crate) time_zone: &'a str,
}

impl FieldInput<'_> {
    fn label(&self) -> &str {
        if self.field.label.is_empty() {
            &self.field.name
        } else {
            &self.field.label
        }
    }

    fn name(&self) -> String {
        format!("{}{}", self.prefix, input_name(self.field))
    }

    fn kind(&self) -> &'static str {
        kind_of(self.field)
    }

    /// What has been typed, or the default.
    fn value(&self) -> String {
        let default = self.field.default.as_ref();
        match (
            self.typed,
            default.and_then(|default| default.kind.as_ref()),
        ) {
            ("", Some(Kind::Text(text))) => text.clone(),
            ("", Some(Kind::Number(number))) => number.to_string(),
            ("", Some(Kind::Flag(flag))) => flag.to_string(),
            (typed, _) => typed.to_owned(),
        }
    }

    fn values(&self) -> Vec<String> {
        let values = self.field.values.iter();
        values
            .map(|value| shown::value(self.words, value))
            .collect()
    }
}

/// The name of the input of a field.
pub(crate) fn input_name(field: &FieldDeclaration) -> String {
    format!("form.{}.{}", kind_of(field), field.name)
}

/// The type of a field, as names of inputs have it.
pub(crate) fn kind_of(field: &FieldDeclaration) -> &'static str {
    match field.r#type() {
        FieldType::Number => "number",
        FieldType::Bool => "bool",
        FieldType::Time => "time",
        FieldType::Text | FieldType::Unspecified => "text",
    }
}
