//! What requests say, and the changes that they ask for.

mod asking;
mod attempts;
pub(crate) mod callers;
pub(crate) mod filters;
pub(crate) mod first_answer;
pub(crate) mod pages;
pub(crate) mod requests;

pub(crate) use asking::{Answered, Asking, Prepared};
pub(crate) use attempts::has_moved_on;
pub(crate) use requests::Faults;
