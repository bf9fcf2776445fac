//! Whether a server is ready, condition by condition, each with a sentence that says why not.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// Conditions by name, each with its sentence.
type Unmet = BTreeMap<&'static str, String>;

/// Whether a server is ready; cheap to clone.
#[derive(Clone, Debug)]
pub struct Readiness {
    unmet: Arc<watch::Sender<Unmet>>,
    warnings: Arc<watch::Sender<Unmet>>,
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
        Self {
            unmet: Arc::default(),
            warnings: Arc::default(),
        }
    }

    /// Notes that a condition is met, or why it is not.
    pub fn set(&self, condition: &'static str, state: Result<(), String>) {
        self.unmet.send_if_modified(|unmet| match state {
            Ok(()) => unmet.remove(condition).is_some(),
            Err(reason) => unmet.insert(condition, reason.clone()) != Some(reason),
        });
    }

    /// Sets a warning for people, which does not affect the readiness, or removes it.
    pub fn warn(&self, condition: &'static str, sentence: Option<String>) {
        self.warnings.send_if_modified(|warnings| match sentence {
            None => warnings.remove(condition).is_some(),
            Some(sentence) => warnings.insert(condition, sentence.clone()) != Some(sentence),
        });
    }

    /// The warnings for people.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.warnings
            .borrow()
            .iter()
            .map(|(condition, sentence)| format!("{condition}: {sentence}"))
            .collect()
    }

    /// Whether all conditions are met.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.unmet.borrow().is_empty()
    }

    /// Why it is not ready; empty if it is.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.unmet
            .borrow()
            .iter()
            .map(|(condition, reason)| format!("{condition}: {reason}"))
            .collect()
    }

    /// Waits until it is ready, or no longer ready.
    pub async fn wait_for(&self, ready: bool) {
        let mut unmet = self.unmet.subscribe();
        // The sender is in `self`, so the channel cannot close.
        let _ = unmet.wait_for(|unmet| unmet.is_empty() == ready).await;
    }

    /// A receiver of the changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Unmet> {
        self.unmet.subscribe()
    }
}
