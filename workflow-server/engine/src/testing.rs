//! Commands for property tests of this crate and of the crates that use it.

mod at_desk;
mod commands;
mod operating;
mod player;
mod scripts;
mod step;
mod steps;

use std::sync::Arc;

pub use commands::{clicks, office};
pub use player::Player;
pub use step::Step;
pub use steps::steps;

use crate::entry::{After, InstanceChange};
use crate::instance::Instance;
use crate::world::World;

/// The instance after a change that is not applied to the World yet.
///
/// # Panics
/// If the change touches an instance that does not exist, or if a whole instance names another
/// entry than its own.
#[must_use]
pub fn after(world: &World, change: &InstanceChange) -> Arc<Instance> {
    match &change.after {
        After::Whole(instance) => {
            assert_eq!(
                instance.whole_at, instance.sequence,
                "a whole instance names the entry that holds it"
            );
            instance.clone()
        }
        After::Touched(touched) => {
            let before = world
                .root()
                .instance(touched.id)
                .expect("a touched instance exists");
            Arc::new(touched.onto(before))
        }
    }
}
