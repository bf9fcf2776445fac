//! The scenes of [`lost_answers`](super::lost_answers) and [`members`](super::members) in a short
//! form on a PostgreSQL database: lost answers, terms that end anywhere, and their controls.

mod answers;
mod node;
mod place;
mod terms;
