//! What requests say, and the changes that they ask for.

mod asking;
pub(crate) mod callers;
pub(crate) mod filters;
pub(crate) mod first_answer;
pub(crate) mod pages;
pub(crate) mod requests;

pub(crate) use asking::{Answered, Asking, Prepared, has_moved_on};
pub(crate) use requests::Faults;
