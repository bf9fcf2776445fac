//! Commands for property tests, of this crate and of those that use it.

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

/// The instance that a change leaves in a World that does not hold the change yet.
///
/// # Panics
/// Where the change touches an instance that is not there, or says another entry than its own of
/// one that is whole.
#[must_use]
pub fn after(world: &World, change: &InstanceChange) -> Arc<Instance> {
    match &change.after {
        After::Whole(instance) => {
            assert_eq!(
                instance.whole_at, instance.sequence,
                "a whole instance is of the entry that holds it"
            );
            instance.clone()
        }
        After::Touched(touched) => {
            let before = world
                .root()
                .instance(touched.id)
                .expect("what is touched is there");
            Arc::new(touched.onto(before))
        }
    }
}
