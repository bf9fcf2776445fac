//! Which fields of a follow-up an answer has: the server builds no others.
//!
//! Promise: without a mask an answer has all fields. A mask can name each field of the `.proto` file:
//! `tests/tests/read_masks.rs` compares them.

/// Returned with every mask: the next request about a follow-up needs them.
const ALWAYS: [&str; 3] = ["instance_id", "visit", "revision"];

/// Declares a message's fields that a mask can name.
macro_rules! fields {
    ($(#[$doc:meta])* $message:ident { $($field:ident: $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $message {
            $(pub(crate) $field: bool),+
        }

        impl $message {
            pub(crate) const ALL: Self = Self { $($field: true),+ };
            pub(crate) const NONE: Self = Self { $($field: false),+ };

            /// Adds a field by its name; false if the message has no such field.
            fn add(&mut self, name: &str) -> bool {
                match name {
                    $($name => self.$field = true,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

fields! {
    /// Fields of a follow-up, but for its call, its stage and those that are always returned.
    FollowUpFields {
        workflow: "workflow",
        workflow_title: "workflow_title",
        version: "version",
        status: "status",
        alerts: "alerts",
        buttons: "buttons",
        timers: "timers",
        fields: "fields",
        priority: "priority",
        due: "due",
        deadline: "deadline",
        started_at: "started_at",
        stage_entered_at: "stage_entered_at",
        ended_at: "ended_at",
        outcome: "outcome",
        reason: "reason",
        visible: "visible",
        release_at: "release_at",
        note_count: "note_count",
        sequence: "sequence",
        claim: "claim",
        pause: "pause",
        chase_count: "chase_count",
        attempts: "attempts",
        due_soon_from: "due_soon_from",
        last_stage: "last_stage",
        sensitive_fields: "sensitive_fields",
    }
}

fields! {
    /// Fields of a call.
    CallFields {
        reference: "ref",
        customer: "customer",
        script: "script",
        agent: "agent",
        caller: "caller",
        chargeable: "chargeable",
        ended: "ended",
        revision: "revision",
        created_at: "created_at",
        ended_at: "ended_at",
    }
}

fields! {
    /// Fields of a stage.
    StageFields {
        number: "number",
        event_id: "event_id",
        title: "title",
        kind: "kind",
        event_label: "event_label",
    }
}

/// The fields of follow-ups that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadMask {
    pub(crate) follow_up: FollowUpFields,
    pub(crate) call: CallFields,
    pub(crate) stage: StageFields,
}

impl ReadMask {
    /// All fields.
    pub(crate) const ALL: Self = Self {
        follow_up: FollowUpFields::ALL,
        call: CallFields::ALL,
        stage: StageFields::ALL,
    };

    const NONE: Self = Self {
        follow_up: FollowUpFields::NONE,
        call: CallFields::NONE,
        stage: StageFields::NONE,
    };

    /// The mask with these paths, and the paths that name no field.
    pub(crate) fn read(paths: &[String]) -> (Self, Vec<&str>) {
        let mut mask = Self::NONE;
        let unknown = paths
            .iter()
            .map(String::as_str)
            .filter(|path| !mask.add(path))
            .collect();
        if paths.is_empty() {
            mask = Self::ALL;
        }
        (mask, unknown)
    }

    fn add(&mut self, path: &str) -> bool {
        match path {
            "*" => *self = Self::ALL,
            "call" => self.call = CallFields::ALL,
            "stage" => self.stage = StageFields::ALL,
            _ if ALWAYS.contains(&path) => {}
            _ => {
                return match path.split_once('.') {
                    Some(("call", field)) => self.call.add(field),
                    Some(("stage", field)) => self.stage.add(field),
                    Some(_) => false,
                    None => self.follow_up.add(path),
                };
            }
        }
        true
    }
}

/// A field of an answer: empty, and not made, unless the answer has it.
pub(crate) fn shown<T: Default>(is_shown: bool, make: impl FnOnce() -> T) -> T {
    if is_shown { make() } else { T::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(paths: [&str; N]) -> (ReadMask, usize) {
        let paths = paths.map(str::to_owned);
        let (mask, unknown) = ReadMask::read(&paths);
        (mask, unknown.len())
    }

    #[test]
    fn no_path_and_a_star_mean_all() {
        assert_eq!(read([]), (ReadMask::ALL, 0));
        assert_eq!(read(["*"]), (ReadMask::ALL, 0));
        assert_eq!(read(["workflow", "*"]), (ReadMask::ALL, 0));
    }

    #[test]
    fn a_path_adds_its_field() {
        let (mask, unknown) = read(["instance_id", "workflow", "call.ref", "stage"]);
        let mut expected = ReadMask::NONE;
        (expected.follow_up.workflow, expected.call.reference) = (true, true);
        expected.stage = StageFields::ALL;
        assert_eq!((mask, unknown), (expected, 0));
        assert_eq!(read(["revision"]), (ReadMask::NONE, 0));
    }

    #[test]
    fn every_unknown_path_is_reported() {
        let paths = [
            "",
            "alert",
            "call.ref.id",
            "call.",
            "alerts.text",
            "due",
            "*.due",
            "stageEnteredAt",
        ]
        .map(str::to_owned);
        let (_, unknown) = ReadMask::read(&paths);
        assert_eq!(
            unknown,
            [
                "",
                "alert",
                "call.ref.id",
                "call.",
                "alerts.text",
                "*.due",
                "stageEnteredAt"
            ]
        );
    }
}
