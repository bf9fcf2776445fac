//! The stored form of a subject: its text, or nothing.

use aftercall_engine::actor::Subject;

pub(super) fn subject(subject: &Subject) -> String {
    subject.as_deref().unwrap_or_default().to_owned()
}

pub(super) fn from_subject(text: &str) -> Subject {
    (!text.is_empty()).then(|| text.into())
}
