//! Whether a server is ready, condition by condition, each with a sentence that says why not.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// Conditions that are not met: name → why.
type Unmet = BTreeMap<&'static str, String>;

/// Whether a server is ready; cheap to clone.
#[derive(Clone, Debug)]
pub struct Readiness {
    unmet: Arc<watch::Sender<Unmet>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Ready, until a condition says otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self { unmet: Arc::new(watch::Sender::new(Unmet::new())) }
    }

    /// Says that a condition is met, or why it is not.
    pub fn set(&self, condition: &'static str, state: Result<(), String>) {
        self.unmet.send_if_modified(|unmet| match state {
            Ok(()) => unmet.remove(condition).is_some(),
            Err(reason) => unmet.insert(condition, reason.clone()) != Some(reason),
        });
    }

    /// Whether all conditions are met.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.unmet.borrow().is_empty()
    }

    /// Why it is not ready; nothing where it is.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.unmet.borrow().iter().map(|(condition, reason)| format!("{condition}: {reason}")).collect()
    }

    /// Waits until it is ready, or no longer ready.
    pub async fn wait_for(&self, ready: bool) {
        let mut unmet = self.unmet.subscribe();
        // The sender lives in `self`: it cannot go away meanwhile.
        let _ = unmet.wait_for(|unmet| unmet.is_empty() == ready).await;
    }

    /// Follows the changes, for ever.
    pub(crate) fn watch(&self) -> watch::Receiver<Unmet> {
        self.unmet.subscribe()
    }
}
