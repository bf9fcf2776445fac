//! Who sent a request, and the name under which that person or program acts.

use std::sync::{Arc, LazyLock};

use aftercall_identity::{Act, Identity, Scope};

use crate::refusal::Refusal;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(Arc<Identity>);

/// Between a subject and the name for which it acts. No name has it.
const FOR: char = '\u{1f}';

/// The name under which a caller acts, and to whom what it begins belongs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acting {
    /// `None` if it is the one in the request.
    pub(crate) name: Option<Box<str>>,
    /// A stable id; `None` if the caller was not proved.
    pub(crate) owner: Option<Arc<str>>,
    /// Whether the request names another person or program, for whom the caller may act.
    pub(crate) is_for_another: bool,
}

impl Caller {
    /// The caller of this identity.
    #[must_use]
    pub fn new(identity: Arc<Identity>) -> Self {
        Self(identity)
    }

    pub(crate) fn local() -> Self {
        static LOCAL: LazyLock<Arc<Identity>> =
            LazyLock::new(|| Arc::new(Identity::local_operator()));
        Self(Arc::clone(&LOCAL))
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0
    }

    /// What the caller may see and touch.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// How the caller acts under the name that its request has.
    pub(crate) fn acting_itself(&self) -> Acting {
        let is_proved = self.0.is_proved();
        Acting {
            name: None,
            owner: is_proved.then(|| Arc::clone(&self.0.subject)),
            is_for_another: false,
        }
    }

    /// How the caller acts if its request names `actor`.
    pub(crate) fn acting_as(&self, actor: &str) -> Result<Acting, Refusal> {
        let Identity { name, subject, .. } = &*self.0;
        if !self.0.is_proved() {
            return Ok(Acting::default());
        }
        match actor.trim() {
            "" => Ok(Acting {
                name: Some(name.as_ref().into()),
                ..self.acting_itself()
            }),
            same if same == &**name => Ok(self.acting_itself()),
            other if Act::AsAnother.check(&self.0).is_ok() => Ok(Acting {
                name: Some(format!("{other} (through {name})").into()),
                // What one agent does through a script engine does not belong to another one.
                owner: Some(format!("{subject}{FOR}{other}").into()),
                is_for_another: true,
            }),
            other => Err(Refusal::Actor {
                name: name.to_string(),
                actor: other.to_owned(),
            }),
        }
    }
}
