//! Actions in words, as pages and the command line show them.

use crate::definition::model::{Action, Priority, TimerStart};

/// The action in words, such as `Alert for billing (high, due in 4h): Refund {{ fields.amount }}`.
#[must_use]
pub fn describe_action(action: &Action) -> String {
    match action {
        Action::Alert(alert) => {
            let due = alert.due.map_or_else(String::new, |due| format!(", due in {due}"));
            format!("Alert for {} ({}{due}): {}", alert.team, priority(alert.priority), alert.text.source())
        }
        Action::Button(button) => format!("Button \"{}\" leads to {}", button.label, button.event),
        Action::Timer(timer) => {
            let from = if timer.from == TimerStart::Start { " from the start" } else { "" };
            format!("After {}{from}: {}", timer.after, timer.event)
        }
        Action::Link(link) => match &link.at_most {
            None => format!("Link to {}", link.to),
            Some(limit) => format!("Link to {}, at most {} times, then to {}", link.to, limit.times, limit.otherwise),
        },
        Action::Finish(finish) => format!("Finish: {}", finish.outcome),
    }
}

fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}
