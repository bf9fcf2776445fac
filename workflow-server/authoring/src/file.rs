//! The file form of a definition, and the files of teams and calendars. Files are YAML 1.2 (core
//! schema), which includes JSON.
//!
//! Promises: reading is strict, guesses nothing, and reports all errors with line and column. A
//! file that [`write_yaml`] or [`write_json`] wrote reads back as the same definition.
//!
//! Must not validate the workflow as a whole: [`aftercall_definition::validate`] does, without files.

mod actions;
mod calendar_form;
mod calendars;
mod comments;
mod escalation;
mod faults;
mod fields;
mod formatting;
mod inside;
mod json_escapes;
mod keys;
mod kinds;
mod line_ends;
mod mapping;
mod numbers;
mod place;
mod places;
mod plain_actions;
mod position;
mod reading;
mod schema;
mod schema_parts;
mod single;
mod sketch;
mod teams;
mod tree;
mod writing;

pub use calendar_form::{calendars_schema, write_calendars};
pub use calendars::read_calendars;
pub use formatting::{export_yaml, format_json, format_yaml, source_of};
pub use line_ends::lines;
pub use places::Places;
pub use reading::{Unread, read, read_header, read_placed, read_to_the_end};
pub use schema::schema;
pub use single::{Single, read_action};
pub use teams::{DeclaredTeam, read_teams};
pub use writing::{check_written, write_action, write_json, write_yaml};
