//! A follow-up as a filter looks at it.
//!
//! Promise: a filter finds no follow-up by the value of a sensitive field. So nobody learns such a
//! value from whether a search finds it.

use aftercall_definition::value::Value;

use crate::call::Call;
use crate::instance::Instance;
use crate::world::Root;

/// A follow-up that a filter may match.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'r> {
    root: &'r Root,
    /// The name of its workflow.
    pub workflow: &'r str,
    /// The follow-up.
    pub instance: &'r Instance,
    /// Its call.
    pub call: &'r Call,
}

impl<'r> Candidate<'r> {
    /// An instance of this root. Returns `None` if the root does not have its call.
    #[must_use]
    pub fn of(root: &'r Root, instance: &'r Instance) -> Option<Self> {
        let workflow = root.workflow_of(instance);
        Some(Self {
            root,
            workflow: workflow.map_or("", |workflow| workflow.name.as_str()),
            instance,
            call: root.call_of(instance)?,
        })
    }

    /// The values of its fields that people search for: all but the sensitive ones. A value whose
    /// declaration is unknown may be sensitive.
    pub(super) fn searched_values(&self) -> impl Iterator<Item = &'r Value> {
        let definition = self.root.definition_of(self.instance);
        let is_searched = move |place: u16| {
            let declared = definition.and_then(|one| one.fields.get(usize::from(place)));
            declared.is_some_and(|field| !field.sensitive)
        };
        let fields = self.instance.fields.iter();
        fields.filter_map(move |(place, value)| is_searched(*place).then_some(value))
    }
}
