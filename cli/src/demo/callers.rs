//! Sample calls: people who call, and what the call scripts know of them.
//!
//! Promise: every field that a workflow declares is given, by its name where it is a known one,
//! else by its type. Must not: name real people or numbers (the numbers are of the range kept for
//! drama).

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    CallProperties, CallRef, Caller, FieldDeclaration, FieldType, SetWorkflowRequest, Value,
};
use jiff::{Timestamp, ToSpan};
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::samples::Published;
use crate::{connect, time, values};

const FIRST_NAMES: [&str; 12] = [
    "Ann", "Ben", "Carla", "Dev", "Ella", "Farid", "Grace", "Hugo", "Ines", "Jo", "Kofi", "Lena",
];
const LAST_NAMES: [&str; 12] = [
    "Archer",
    "Boyle",
    "Castillo",
    "Dutta",
    "Evans",
    "Fofana",
    "Greene",
    "Hall",
    "Ito",
    "Jansen",
    "Khan",
    "Lindqvist",
];
const AGENTS: [&str; 4] = ["maria", "tom", "yusuf", "olga"];

/// Customers by workflow; what is not listed is for the catalogue shop.
const CUSTOMERS: [(&str, &str); 5] = [
    ("boiler-visit", "Harbour Heating"),
    ("repeat-prescription", "Elm Street Surgery"),
    ("missed-delivery", "Swift Parcels"),
    ("complaint", "Harbour Heating"),
    ("brochure", "Lakeside Holidays"),
];
const OTHER_CUSTOMER: &str = "Bright Catalogue";

/// Texts by the name of a field.
const TEXTS: [(&str, &[&str]); 12] = [
    (
        "address",
        &["3 Mill Lane", "18 Station Road", "Flat 2, 40 High Street"],
    ),
    ("best_time", &["after five", "in the morning", "any time"]),
    ("brochure", &["Lakes 2027", "Coast and Castles"]),
    (
        "fault",
        &["No hot water", "Leaking at the valve", "Shows E4 and stops"],
    ),
    ("medicine", &["Salbutamol inhaler", "Metformin 500 mg"]),
    ("order", &["B-20417", "B-20988", "B-21003"]),
    ("parcel", &["SP 4410 882", "SP 4411 020"]),
    ("reason", &["Arrived broken", "Sent twice", "Wrong size"]),
    ("reference", &["R-1042", "R-1077"]),
    (
        "subject",
        &[
            "Engineer did not come",
            "Charged twice",
            "Rude on the telephone",
        ],
    ),
    (
        "wants",
        &[
            "an apology in writing",
            "the money back",
            "a call from a manager",
        ],
    ),
    ("topic", &["A question about the bill", "Wants a quotation"]),
];

/// What a call script sends when it reaches its Set Workflow control; `now` is the server's.
pub(crate) fn sample(
    rng: &mut impl Rng,
    workflow: &Published,
    (number, now): (usize, Timestamp),
) -> SetWorkflowRequest {
    let customer = CUSTOMERS
        .iter()
        .find(|(name, _)| *name == workflow.name)
        .map_or(OTHER_CUSTOMER, |(_, name)| name);
    let caller = Caller {
        name: format!("{} {}", pick(rng, &FIRST_NAMES), pick(rng, &LAST_NAMES)),
        phone: format!("01632 960{:03}", rng.random_range(0..1_000)),
        reference: format!("C-{}", rng.random_range(10_000..100_000)),
        ..Default::default()
    };
    SetWorkflowRequest {
        request_id: connect::request_id(),
        actor: "demo-script".to_owned(),
        // The time keeps calls of an earlier run on the same data directory apart.
        call: Some(CallRef {
            source: "demo".to_owned(),
            id: format!("{}-{number}", now.as_second()),
        }),
        properties: Some(CallProperties {
            customer: customer.to_owned(),
            script: workflow.name.clone(),
            agent: pick(rng, &AGENTS).to_owned(),
            caller: Some(caller),
            chargeable: Some(true),
            details: BTreeMap::new(),
        }),
        workflow: workflow.name.clone(),
        fields: fields(rng, &workflow.fields, now),
        ..Default::default()
    }
}

/// A plausible value for every declared field.
pub(crate) fn fields(
    rng: &mut impl Rng,
    declared: &[FieldDeclaration],
    now: Timestamp,
) -> BTreeMap<String, Value> {
    declared
        .iter()
        .map(|field| {
            (
                field.name.clone(),
                Value {
                    kind: Some(value(rng, field, now)),
                },
            )
        })
        .collect()
}

fn value(rng: &mut impl Rng, field: &FieldDeclaration, now: Timestamp) -> Kind {
    if !field.values.is_empty()
        && let Some(kind) = &field.values[rng.random_range(0..field.values.len())].kind
    {
        return kind.clone();
    }
    match field.r#type() {
        FieldType::Number => Kind::Number(f64::from(rng.random_range(2..60_u32) * 5)),
        FieldType::Bool => Kind::Flag(rng.random()),
        FieldType::Time => {
            // What a script knows when a call comes in has been: what was bought, when it should
            // have come.
            let ago = i64::from(rng.random_range(20..110_u32)).hours();
            let usual = now.saturating_sub(ago).unwrap_or(Timestamp::MIN);
            Kind::Time(time::proto(values::time_within(field, now, usual)))
        }
        FieldType::Text | FieldType::Unspecified => {
            let known = TEXTS.iter().find(|(name, _)| field.name.contains(name));
            Kind::Text(known.map_or_else(
                || format!("Sample {}", field.name.replace('_', " ")),
                |(_, texts)| pick(rng, texts).to_owned(),
            ))
        }
    }
}

fn pick<'a>(rng: &mut impl Rng, from: &[&'a str]) -> &'a str {
    from.choose(rng).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn every_declared_field_has_a_sample_value() {
        let declared = |name: &str, field_type: FieldType| FieldDeclaration {
            name: name.to_owned(),
            r#type: field_type.into(),
            required: false,
            ..FieldDeclaration::default()
        };
        let workflow = Published {
            name: "refund".to_owned(),
            fields: vec![
                declared("amount", FieldType::Number),
                declared("order_number", FieldType::Text),
            ],
        };
        let request = sample(
            &mut StdRng::seed_from_u64(7),
            &workflow,
            (3, Timestamp::UNIX_EPOCH),
        );
        assert!(
            matches!(request.fields["amount"].kind, Some(Kind::Number(amount)) if amount >= 10.0)
        );
        assert!(
            matches!(&request.fields["order_number"].kind, Some(Kind::Text(order)) if order.starts_with("B-"))
        );
        let properties = request.properties.unwrap();
        assert_eq!(properties.chargeable, Some(true));
        assert_eq!(properties.customer, OTHER_CUSTOMER);
        assert!(properties.caller.unwrap().phone.starts_with("01632 960"));
    }
}
