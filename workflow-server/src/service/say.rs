//! Answers: domain types become proto, and what is refused becomes a status.

pub(crate) mod causes;
pub(crate) mod convert;
pub(crate) mod explain;
pub(crate) mod follow_up;
mod present;
pub(crate) mod read_mask;
pub(crate) mod refusal;
mod status;
pub(crate) mod words;

pub(crate) use read_mask::ReadMask;
pub(crate) use refusal::Refusal;
pub(crate) use status::{unavailable_answer, unavailable_trailers};
