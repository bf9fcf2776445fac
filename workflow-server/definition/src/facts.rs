//! The values that texts and expressions can use: the fields, the submitted form, the call, the
//! number of visits of the stage, and the present time.

use std::cell::OnceCell;
use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::expression::Samples;
use crate::rules::Suggestions;
use crate::time::{Time, WallClock};
use crate::value::{FieldDeclaration, FieldType, Value};

/// The texts of a call, by their names after `call.`.
pub const CALL_TEXTS: [&str; 10] = [
    "id",
    "source",
    "customer",
    "script",
    "agent",
    "caller.name",
    "caller.phone",
    "caller.email",
    "caller.reference",
    "caller.time_zone",
];

/// The flags of a call, by their names after `call.`.
pub const CALL_FLAGS: [&str; 2] = ["chargeable", "ended"];

/// The first words of the names in expressions.
pub const ROOTS: [&str; 5] = ["fields", "form", "call", "visit", "now"];

/// The declared names with their types. Built once for all checks of a workflow.
pub struct Names<'d> {
    /// The workflow's fields.
    pub(crate) fields: HashMap<&'d str, &'d FieldDeclaration>,
    /// The fields of all forms of the workflow. Two forms may declare the same name differently.
    pub(crate) forms: HashMap<&'d str, Vec<&'d FieldDeclaration>>,
    /// The type of each form field; `None` if forms declare different types.
    pub(crate) form_types: HashMap<&'d str, Option<FieldType>>,
    /// Sample values for checking expressions.
    pub(crate) samples: OnceCell<Samples>,
    pub(crate) suggestions: Suggestions,
}

impl<'d> Names<'d> {
    /// The names of a workflow's fields, and of the fields of all its forms.
    pub fn new(
        fields: impl IntoIterator<Item = &'d FieldDeclaration>,
        forms: impl IntoIterator<Item = &'d FieldDeclaration>,
    ) -> Self {
        let mut of_forms: HashMap<&str, Vec<&FieldDeclaration>> = HashMap::new();
        let mut form_types: HashMap<&str, Option<FieldType>> = HashMap::new();
        for field in forms {
            let agreed = form_types
                .entry(&field.name)
                .or_insert(Some(field.field_type));
            *agreed = agreed.filter(|known| *known == field.field_type);
            of_forms.entry(&field.name).or_default().push(field);
        }
        Self {
            fields: fields
                .into_iter()
                .map(|field| (field.name.as_str(), field))
                .collect(),
            forms: of_forms,
            form_types,
            samples: OnceCell::new(),
            suggestions: Suggestions::default(),
        }
    }
}

impl Names<'_> {
    /// The declarations of `fields.NAME` or `form.NAME`; empty if there is none.
    pub(crate) fn declared(&self, root: &str, name: &str) -> &[&FieldDeclaration] {
        match root {
            "fields" => self
                .fields
                .get(name)
                .map(std::slice::from_ref)
                .unwrap_or_default(),
            "form" => self.forms.get(name).map(Vec::as_slice).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// The values of a call that texts and expressions can use. An unknown text is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallFacts<'a> {
    /// The id of the call in its script engine.
    pub id: &'a str,
    /// The script engine.
    pub source: &'a str,
    /// The company for which the agent took the call.
    pub customer: &'a str,
    /// The call script that ran.
    pub script: &'a str,
    /// The agent who took the call.
    pub agent: &'a str,
    /// Name of the caller.
    pub caller_name: &'a str,
    /// Telephone number of the caller.
    pub caller_phone: &'a str,
    /// Mail address of the caller.
    pub caller_email: &'a str,
    /// The caller's reference at the customer.
    pub caller_reference: &'a str,
    /// IANA name of the caller's time zone.
    pub caller_time_zone: &'a str,
    /// Whether the call is chargeable.
    pub is_chargeable: bool,
    /// Whether the call has ended.
    pub has_ended: bool,
    /// Further properties, by key.
    pub details: &'a [(Box<str>, Box<str>)],
}

impl<'a> CallFacts<'a> {
    /// The text that [`CALL_TEXTS`] names; empty for any other name.
    #[must_use]
    pub fn text(&self, name: &str) -> &'a str {
        match name {
            "id" => self.id,
            "source" => self.source,
            "customer" => self.customer,
            "script" => self.script,
            "agent" => self.agent,
            "caller.name" => self.caller_name,
            "caller.phone" => self.caller_phone,
            "caller.email" => self.caller_email,
            "caller.reference" => self.caller_reference,
            "caller.time_zone" => self.caller_time_zone,
            _ => "",
        }
    }

    /// The flag that [`CALL_FLAGS`] names; `None` for any other name.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match name {
            "chargeable" => Some(self.is_chargeable),
            "ended" => Some(self.has_ended),
            _ => None,
        }
    }
}

/// The values at the moment when a stage is entered.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The workflow's declared fields.
    pub declared: &'a [FieldDeclaration],
    /// Their values, by index in `declared`, ascending.
    pub values: &'a [(u16, Value)],
    /// The form of the push that led here; empty without a push.
    pub form: &'a [(Box<str>, Value)],
    /// The call.
    pub call: CallFacts<'a>,
    /// How often the stage has been entered, including this time.
    pub visit: u32,
    /// The present time.
    pub now: Time,
    /// The IANA name of the time zone in which times are shown if the caller's is unknown.
    pub zone: &'a str,
}

impl<'a> Facts<'a> {
    /// The clock that shows times: the caller's, or else that of `zone`, with its name.
    #[must_use]
    pub fn clock(&self) -> WallClock {
        let of_caller = Some(self.call.caller_time_zone).filter(|name| !name.is_empty());
        match of_caller.and_then(|name| TimeZone::get(name).ok()) {
            Some(zone) => WallClock::of_caller(zone),
            None => WallClock::named(TimeZone::get(self.zone).unwrap_or(TimeZone::UTC)),
        }
    }

    /// The fields that have a value.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let declared = self.declared;
        self.values.iter().filter_map(|(place, value)| {
            Some((declared.get(usize::from(*place))?.name.as_str(), value))
        })
    }
}
