//! Scopes at the level of the RPCs: what is out of a caller's scope does not exist for the caller.

mod house;
mod lists;
mod people;
mod touching;
