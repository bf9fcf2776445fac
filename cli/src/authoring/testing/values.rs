//! Values of fields as a test names them, compared with what is declared.

use std::collections::BTreeMap;

use aftercall_authoring::simulate::Named;
use aftercall_definition::rules;
use aftercall_definition::value::{FieldDeclaration, Value};

use super::form::Scalar;
use crate::authoring::trying;

/// The values that are given; `at` is the key that they are below.
pub(super) fn named(
    at: &str,
    declared: &[FieldDeclaration],
    given: &BTreeMap<String, Scalar>,
) -> Result<Named, String> {
    let value = |(name, written): (&String, &Scalar)| {
        let (_, field) = declared_as(at, declared, name)?;
        Ok((name.as_str().into(), typed(at, field, written)?))
    };
    given.iter().map(value).collect()
}

/// The field with this name, and its place among those that are declared.
pub(super) fn declared_as<'d>(
    at: &str,
    declared: &'d [FieldDeclaration],
    name: &str,
) -> Result<(usize, &'d FieldDeclaration), String> {
    let found = declared
        .iter()
        .enumerate()
        .find(|(_, field)| field.name == name);
    found.ok_or_else(|| {
        let hint = rules::suggestion(name, declared.iter().map(|field| field.name.as_str()));
        format!("{at}: there is no field {}{hint}", rules::quoted(name))
    })
}

/// A value as the field takes it.
pub(super) fn typed(at: &str, field: &FieldDeclaration, written: &Scalar) -> Result<Value, String> {
    trying::value(written.text(), field.field_type).ok_or_else(|| {
        let (name, wanted) = (&field.name, trying::written_as(field.field_type));
        format!(
            "{at}.{name} must be {wanted}, and is {}",
            rules::quoted(written.text())
        )
    })
}
