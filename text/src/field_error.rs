//! One invalid field of a request or file: the same type in both servers.

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as a path in the API's names, such as `filter.stages[2].workflow`.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl FieldError {
    /// One sentence for all invalid fields of a request: the first, and how many there are.
    #[must_use]
    pub fn summary(errors: &[Self]) -> String {
        match errors {
            [] => "the request is invalid".to_owned(),
            [only] => format!("{}: {}", only.field, only.message),
            [first, ..] => format!(
                "{} fields are invalid; the first: {}: {}",
                errors.len(),
                first.field,
                first.message
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FieldError;

    #[test]
    fn a_summary_names_the_first_field_and_the_count() {
        let error = |field: &str| FieldError {
            field: field.to_owned(),
            message: "is empty".to_owned(),
        };
        assert_eq!(
            FieldError::summary(&[error("call.id")]),
            "call.id: is empty"
        );
        assert_eq!(
            FieldError::summary(&[error("call.id"), error("workflow")]),
            "2 fields are invalid; the first: call.id: is empty"
        );
        assert_eq!(FieldError::summary(&[]), "the request is invalid");
    }
}
