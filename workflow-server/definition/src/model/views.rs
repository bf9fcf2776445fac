//! Views of actions that do not depend on their kind. A new kind of action is added here; the
//! compiler shows each place. Most other code uses these views, or handles one kind.

use crate::expression::Expression;
use crate::model::{
    Action, ActionKind, AlertAction, ButtonAction, FinishAction, LinkAction, SetFieldAction, Stage,
    TimerAction,
};
use crate::template::Template;

/// How an action leads to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leads {
    /// A push of its button.
    Push,
    /// The end of its timer.
    Elapse,
    /// A link, up to its maximum.
    Link,
    /// The other target of a link, after its maximum.
    LinkInstead,
}

impl Leads {
    /// Whether it is a link, which needs no push and no time.
    #[must_use]
    pub fn is_link(self) -> bool {
        match self {
            Self::Link | Self::LinkInstead => true,
            Self::Push | Self::Elapse => false,
        }
    }
}

/// An event to which an action leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target<'a> {
    /// The id of the event.
    pub event: &'a str,
    /// How the action leads to the event.
    pub leads: Leads,
}

impl Action {
    /// The texts with places to fill in, each with its key in the file.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &Template)> {
        let text = match &self.kind {
            ActionKind::Alert(alert) => Some(("text", &alert.text)),
            ActionKind::Button(_)
            | ActionKind::Timer(_)
            | ActionKind::Link(_)
            | ActionKind::Finish(_)
            | ActionKind::SetField(_) => None,
        };
        text.into_iter()
    }

    /// The expressions, each with its key in the file.
    pub fn expressions(&self) -> impl Iterator<Item = (&'static str, &Expression)> {
        let own = match &self.kind {
            ActionKind::SetField(set) => Some(("to", &set.to)),
            ActionKind::Alert(_)
            | ActionKind::Button(_)
            | ActionKind::Timer(_)
            | ActionKind::Link(_)
            | ActionKind::Finish(_) => None,
        };
        self.when.iter().map(|when| ("when", when)).chain(own)
    }

    /// The events to which the action leads.
    pub fn targets(&self) -> impl Iterator<Item = Target<'_>> {
        let to = |event, leads| Some(Target { event, leads });
        let (first, second) = match &self.kind {
            ActionKind::Button(button) => (to(button.event.as_str(), Leads::Push), None),
            ActionKind::Timer(timer) => (to(timer.event.as_str(), Leads::Elapse), None),
            ActionKind::Link(link) => {
                let otherwise = link
                    .at_most
                    .as_ref()
                    .and_then(|limit| to(&limit.otherwise, Leads::LinkInstead));
                (to(link.to.as_str(), Leads::Link), otherwise)
            }
            ActionKind::Alert(_) | ActionKind::Finish(_) | ActionKind::SetField(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Whether the stage waits for the action: for a push or a timer.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self.kind {
            ActionKind::Button(_) | ActionKind::Timer(_) => true,
            ActionKind::Alert(_)
            | ActionKind::Link(_)
            | ActionKind::Finish(_)
            | ActionKind::SetField(_) => false,
        }
    }

    /// Whether the action leaves the stage immediately.
    #[must_use]
    pub fn ends(&self) -> bool {
        match self.kind {
            ActionKind::Link(_) | ActionKind::Finish(_) => true,
            ActionKind::Alert(_)
            | ActionKind::Button(_)
            | ActionKind::Timer(_)
            | ActionKind::SetField(_) => false,
        }
    }

    /// The name of the kind: its key in the file.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.kind {
            ActionKind::Alert(_) => "alert",
            ActionKind::Button(_) => "button",
            ActionKind::Timer(_) => "timer",
            ActionKind::Link(_) => "link",
            ActionKind::Finish(_) => "finish",
            ActionKind::SetField(_) => "set-field",
        }
    }

    /// What identifies the action among those of its kind: the alert's text, the link's target, the
    /// outcome, or the field to set. `None` if its event identifies it.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match &self.kind {
            ActionKind::Alert(alert) => Some(alert.text.source()),
            ActionKind::Link(link) => Some(&link.to),
            ActionKind::Finish(finish) => Some(&finish.outcome),
            ActionKind::SetField(set) => Some(&set.field),
            ActionKind::Button(_) | ActionKind::Timer(_) => None,
        }
    }

    /// Whether the action is done before people can see the stage, and shows them nothing.
    #[must_use]
    pub fn is_done_at_once(&self) -> bool {
        match self.kind {
            ActionKind::SetField(_) | ActionKind::Link(_) | ActionKind::Finish(_) => true,
            ActionKind::Alert(_) | ActionKind::Button(_) | ActionKind::Timer(_) => false,
        }
    }

    /// The alert that the action raises.
    #[must_use]
    pub fn alert(&self) -> Option<&AlertAction> {
        if let ActionKind::Alert(alert) = &self.kind {
            Some(alert)
        } else {
            None
        }
    }

    /// The button that the action offers.
    #[must_use]
    pub fn button(&self) -> Option<&ButtonAction> {
        if let ActionKind::Button(button) = &self.kind {
            Some(button)
        } else {
            None
        }
    }

    /// The timer that the action starts.
    #[must_use]
    pub fn timer(&self) -> Option<&TimerAction> {
        if let ActionKind::Timer(timer) = &self.kind {
            Some(timer)
        } else {
            None
        }
    }

    /// The link that the action follows.
    #[must_use]
    pub fn link(&self) -> Option<&LinkAction> {
        if let ActionKind::Link(link) = &self.kind {
            Some(link)
        } else {
            None
        }
    }

    /// How the action finishes the workflow.
    #[must_use]
    pub fn finish(&self) -> Option<&FinishAction> {
        if let ActionKind::Finish(finish) = &self.kind {
            Some(finish)
        } else {
            None
        }
    }

    /// The field that the action sets.
    #[must_use]
    pub fn set_field(&self) -> Option<&SetFieldAction> {
        if let ActionKind::SetField(set) = &self.kind {
            Some(set)
        } else {
            None
        }
    }

    /// The event that the action adds.
    #[must_use]
    pub fn adds(&self) -> Option<&str> {
        let mut added = self.targets().filter(|target| !target.leads.is_link());
        added.next().map(|target| target.event)
    }

    /// Sets the id of the event that the action adds. No effect on an action that adds none.
    pub fn set_added(&mut self, event: &str) {
        match &mut self.kind {
            ActionKind::Button(button) => event.clone_into(&mut button.event),
            ActionKind::Timer(timer) => event.clone_into(&mut timer.event),
            ActionKind::Alert(_)
            | ActionKind::Link(_)
            | ActionKind::Finish(_)
            | ActionKind::SetField(_) => {}
        }
    }
}

impl Stage {
    /// Whether the stage neither waits, links nor finishes. An action with a condition does not
    /// count, because the condition may be false.
    #[must_use]
    pub fn is_unlinked_end(&self) -> bool {
        !self
            .actions
            .iter()
            .any(|action| action.when.is_none() && (action.waits() || action.ends()))
    }
}

impl AlertAction {
    /// The teams of the alert: its own first, then those of its escalation.
    pub fn teams(&self) -> impl Iterator<Item = &str> {
        let of_steps = self
            .escalate
            .iter()
            .flat_map(|step| step.team.iter().chain(&step.add_team));
        std::iter::once(&self.team)
            .chain(of_steps)
            .map(String::as_str)
    }
}
