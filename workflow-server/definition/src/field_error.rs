//! One invalid field of a request.

/// A field of a request that is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as the API names it.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}
