//! A workflow as a page of text.
//!
//! Must not: ask a server.

use aftercall_proto::workflow::v1::WorkflowDescription;

use crate::{values, wording};

/// A workflow as people read it.
pub(crate) fn page(workflow: &WorkflowDescription) -> Vec<String> {
    let version = if workflow.version == 0 {
        "draft".to_owned()
    } else {
        format!("version {}", workflow.version)
    };
    let mut lines = vec![format!(
        "{} ({version}, revision {}): {}",
        workflow.name, workflow.revision, workflow.title
    )];
    if !workflow.deadline.is_empty() {
        lines.push(format!("deadline {}", workflow.deadline));
    }
    if !workflow.retention.is_empty() {
        lines.push(format!("kept for {} after its end", workflow.retention));
    }
    if !workflow.calendar.is_empty() {
        lines.push(format!("counts by the calendar {}", workflow.calendar));
    }
    if !workflow.fields.is_empty() {
        let fields: Vec<_> = workflow.fields.iter().map(values::described).collect();
        lines.push(format!("fields: {}", fields.join(", ")));
    }
    for stage in &workflow.stages {
        let event = stage
            .stage
            .as_ref()
            .map(|stage| stage.event_id.as_str())
            .unwrap_or_default();
        lines.push(format!(
            "\nstage {}  ({event})",
            wording::stage(stage.stage.as_ref())
        ));
        let actions = stage.actions.iter().zip(1..);
        lines.extend(
            actions
                .map(|(action, place)| format!("{place:>4}. {:<7} {}", action.kind, action.text)),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{ActionDescription, Stage, StageDescription};

    use super::*;

    #[test]
    fn a_workflow_is_shown_stage_by_stage() {
        let stage = Stage {
            number: 1,
            event_id: "new-call".to_owned(),
            title: "New call".to_owned(),
            kind: 1,
            ..Stage::default()
        };
        let action = ActionDescription {
            kind: "alert".to_owned(),
            text: "Pay out".to_owned(),
            event_id: String::new(),
        };
        let workflow = WorkflowDescription {
            name: "refund".to_owned(),
            title: "Refund".to_owned(),
            version: 2,
            stages: vec![StageDescription {
                stage: Some(stage),
                actions: vec![action],
            }],
            deadline: "5d".to_owned(),
            revision: 7,
            retention: "90d".to_owned(),
            calendar: "office".to_owned(),
            ..Default::default()
        };
        let expected = [
            "refund (version 2, revision 7): Refund",
            "deadline 5d",
            "kept for 90d after its end",
            "counts by the calendar office",
            "\nstage 1 New call  (new-call)",
            "   1. alert   Pay out",
        ];
        assert_eq!(page(&workflow), expected);
    }
}
