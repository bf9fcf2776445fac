//! Changes of what people keep at their desks, and people who are away.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::away::Away;
use aftercall_engine::desk_change::DeskChange;
use aftercall_scope::Scope;

use super::codes::Coded;
use super::saved_view::SavedViewRecord;
use super::subject::{from_subject, subject};
use crate::records::RecordError;

/// A person who is away.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AwayRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    person: String,
    #[prost(sint64, tag = "2")]
    until: i64,
    /// Personal. Empty for nobody.
    #[prost(string, tag = "3")]
    instead: String,
    #[prost(int32, tag = "4")]
    set_by_kind: i32,
    /// Personal.
    #[prost(string, tag = "5")]
    set_by_name: String,
    /// Personal. Empty if only the name of the actor is known.
    #[prost(string, tag = "6")]
    set_by_subject: String,
    #[prost(sint64, tag = "7")]
    set_at: i64,
    /// The scope of who set it; both are empty for all, and in stores of older servers.
    #[prost(string, repeated, tag = "8")]
    customers: Vec<String>,
    #[prost(string, repeated, tag = "9")]
    teams: Vec<String>,
}

impl From<&Away> for AwayRecord {
    fn from(away: &Away) -> Self {
        Self {
            person: away.person.to_string(),
            until: away.until.0,
            instead: away.instead.to_string(),
            set_by_kind: away.set_by.kind.code(),
            set_by_name: away.set_by.name.to_string(),
            set_by_subject: subject(&away.set_by.subject),
            set_at: away.set_at.0,
            customers: names(away.scope.customers()),
            teams: names(away.scope.teams()),
        }
    }
}

fn names(names: &[Box<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

impl TryFrom<AwayRecord> for Away {
    type Error = RecordError;

    fn try_from(record: AwayRecord) -> Result<Self, RecordError> {
        Ok(Self {
            person: record.person.into(),
            until: Time(record.until),
            instead: record.instead.into(),
            set_by: Actor {
                kind: Coded::from_code(record.set_by_kind)?,
                name: record.set_by_name.into(),
                subject: from_subject(&record.set_by_subject),
            },
            set_at: Time(record.set_at),
            scope: Scope::new(&record.customers, &record.teams),
        })
    }
}

/// A change of what people keep at their desks: a view was saved, views were removed, or a person is
/// away or back.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DeskChangeRecord {
    #[prost(message, optional, tag = "1")]
    saved: Option<SavedViewRecord>,
    #[prost(uint64, repeated, tag = "2")]
    removed: Vec<u64>,
    #[prost(message, optional, tag = "3")]
    away: Option<AwayRecord>,
    /// Personal.
    #[prost(string, optional, tag = "4")]
    back: Option<String>,
}

impl From<&DeskChange> for DeskChangeRecord {
    fn from(change: &DeskChange) -> Self {
        let mut record = Self::default();
        match change {
            DeskChange::ViewSaved(view) => record.saved = Some((&**view).into()),
            DeskChange::ViewsRemoved(ids) => record.removed = ids.to_vec(),
            DeskChange::AwaySet(away) => record.away = Some((&**away).into()),
            DeskChange::AwayEnded(person) => record.back = Some(person.to_string()),
        }
        record
    }
}

impl TryFrom<DeskChangeRecord> for DeskChange {
    type Error = RecordError;

    fn try_from(record: DeskChangeRecord) -> Result<Self, RecordError> {
        Ok(match (record.saved, record.away, record.back) {
            (Some(view), ..) => Self::ViewSaved(Arc::new(view.try_into()?)),
            (None, Some(away), _) => Self::AwaySet(Arc::new(away.try_into()?)),
            (None, None, Some(person)) => Self::AwayEnded(person.into()),
            (None, None, None) => Self::ViewsRemoved(record.removed.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use aftercall_engine::actor::ActorKind;

    use super::*;

    fn away(scope: Scope) -> Away {
        Away {
            person: "Ann".into(),
            until: Time(2),
            instead: "Ben".into(),
            set_by: Actor {
                kind: ActorKind::Person,
                name: "Sue".into(),
                subject: None,
            },
            set_at: Time(1),
            scope,
        }
    }

    #[test]
    fn the_scope_of_an_absence_is_kept() {
        for scope in [
            Scope::everything(),
            Scope::new(&["Acme"], &["billing", "care"]),
            Scope::new(&[], &["care"]),
        ] {
            let record = AwayRecord::from(&away(scope.clone()));
            let kept = Away::try_from(record).expect("a record");
            assert_eq!(kept, away(scope));
        }
    }
}
