//! Writes instances without building their records.

use aftercall_definition::value::Value;
use aftercall_engine::instance::{Count, Instance};

use crate::records::v1::alert::write_alert;
use crate::records::v1::codes::Coded as _;
use crate::records::v1::instance::{
    CountRecord, IdRecord, TimerRecord, ValueRecord, attempts_record, claim_record, filling_record,
    pause_record,
};
use crate::records::v1::writing::Fields;

/// Writes the fields of an `InstanceRecord`.
pub(in crate::records::v1) fn write_instance(fields: &mut Fields<'_>, instance: &Instance) {
    fields.record(1, &IdRecord::from(instance.id));
    fields.number(2, instance.call);
    fields.number(3, instance.workflow);
    fields.number(4, instance.version);
    fields.code(5, instance.status.code());
    fields.number(6, instance.stage);
    write_counts(fields, 7, &instance.visits);
    write_counts(fields, 8, &instance.links);
    fields.number(9, instance.revision);
    fields.number(10, instance.notes);
    fields.number(11, instance.sequence);
    fields.time(12, instance.started_at);
    fields.time(13, instance.entered_at);
    fields.optional_time(14, instance.ended_at);
    fields.optional_time(15, instance.deadline);
    fields.optional_time(16, instance.release_at);
    for (place, value) in &instance.fields {
        fields.message(17, |field| {
            field.number(1, *place);
            field.message(2, |field| write_value(field, value));
        });
    }
    for alert in &instance.alerts {
        fields.message(18, |fields| write_alert(fields, alert));
    }
    for timer in &instance.timers {
        fields.record(19, &TimerRecord::from(timer));
    }
    fields.text(20, &instance.ending);
    fields.optional_record(21, instance.claim.as_deref().map(claim_record));
    fields.optional_record(22, instance.pause.as_deref().map(pause_record));
    fields.number(23, instance.chases);
    fields.optional_record(24, instance.attempts.as_deref().map(attempts_record));
    fields.numbers(25, instance.skipped.iter().map(|at| u32::from(*at)));
    if instance.whole_at != instance.sequence {
        prost::encoding::uint64::encode(26, &instance.whole_at, fields.bytes);
    }
    fields.optional_record(27, instance.filling.as_deref().map(filling_record));
}

fn write_counts(fields: &mut Fields<'_>, tag: u32, counts: &[Count]) {
    for count in counts {
        fields.record(tag, &CountRecord::from(count));
    }
}

/// Writes the fields of a `ValueRecord`.
fn write_value(fields: &mut Fields<'_>, value: &Value) {
    match value {
        Value::Text(text) => fields.given_text(1, text),
        // Nothing of these is copied.
        Value::Number(_) | Value::Bool(_) | Value::Time(_) => {
            let _ = prost::Message::encode(&ValueRecord::from(value), fields.bytes);
        }
    }
}
