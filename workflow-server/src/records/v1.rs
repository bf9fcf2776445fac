//! Version 1 of the records. It is frozen: fields may be added, but never changed or used for
//! another purpose. Fields marked "Personal" have data of callers or of the people who work here.
//! Erasing looks only at these fields.

mod actions;
mod alert;
mod answer;
mod archive;
mod batch;
mod calendar;
mod call;
mod codes;
mod definition;
mod desk_change;
mod entry;
mod erasure;
mod escalation;
mod fields;
mod history;
mod instance;
mod instance_change;
mod saved_view;
mod span;
mod subject;
mod value;
mod writing;

pub use archive::{ChunkRecord, PurgeConfirmationRecord};
pub use batch::BatchRecord;
pub use calendar::CalendarRecord;
pub use call::CallRecord;
pub(super) use codes::Coded;
pub use definition::{DefinitionRecord, TeamRecord, VersionRecord, WorkflowRecord};
pub use desk_change::AwayRecord;
pub(super) use entry::write_entry;
pub use entry::{EntryRecord, MarkRecord};
pub use erasure::{ErasureRecord, decode_erasure, encode_erasure};
pub use history::HistoryChunkRecord;
pub use instance::InstanceRecord;
pub use saved_view::SavedViewRecord;
pub use value::ValueRecord;
