//! The JSON Schema of workflow files.

use aftercall_authoring::file::schema;

use crate::errors::Failure;

/// The schema as text.
pub(crate) fn text() -> Result<String, Failure> {
    serde_json::to_string_pretty(&schema())
        .map_err(|error| Failure::refused(format!("The schema cannot be shown: {error}.")))
}
