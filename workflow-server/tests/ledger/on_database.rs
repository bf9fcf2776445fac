//! The scenes of [`lost_answers`](super::lost_answers) and [`members`](super::members) in a short
//! form on a PostgreSQL database: lost answers, terms that end anywhere, kills of the
//! database, and their controls.

mod answers;
mod kills;
mod node;
mod place;
mod terms;
mod worlds;
