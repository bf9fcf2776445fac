//! Who sent a request, and the name under which that person or program acts.

use std::sync::{Arc, LazyLock};

use aftercall_identity::{Act, Identity, Scope};

use crate::refusal::Refusal;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(Arc<Identity>);

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

    /// The name under which the caller acts if its request names `actor`; `None` if that is it.
    pub(crate) fn acting_as(&self, actor: &str) -> Result<Option<Box<str>>, Refusal> {
        let name = &self.0.name;
        if !self.0.is_proved() {
            return Ok(None);
        }
        match actor.trim() {
            "" => Ok(Some(name.as_ref().into())),
            same if same == &**name => Ok(None),
            other if Act::AsAnother.check(&self.0).is_ok() => {
                Ok(Some(format!("{other} (through {name})").into()))
            }
            other => Err(Refusal::Actor {
                name: name.to_string(),
                actor: other.to_owned(),
            }),
        }
    }
}
