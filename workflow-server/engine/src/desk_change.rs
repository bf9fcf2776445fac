//! Changes of what people keep at their desks: saved views, and who is away.

use std::sync::Arc;

use crate::away::Away;
use crate::saved_view::SavedView;

/// A change of what people keep at their desks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskChange {
    /// A view was saved.
    ViewSaved(Arc<SavedView>),
    /// Views were removed, by their ids.
    ViewsRemoved(Box<[u64]>),
    /// A person is away.
    AwaySet(Arc<Away>),
    /// This person is back.
    AwayEnded(Box<str>),
}

impl DeskChange {
    /// The change without texts that may name a caller.
    pub(crate) fn without_texts(&self) -> Self {
        match self {
            Self::ViewSaved(view) => Self::ViewSaved(Arc::new(view.without_texts())),
            Self::ViewsRemoved(_) | Self::AwaySet(_) | Self::AwayEnded(_) => self.clone(),
        }
    }
}
