//! Arbitrary steps in arbitrary order, for property tests: what scripts, people, operations and
//! time do.

use aftercall_definition::testing::AMENDMENTS;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::step::Step;

/// Steps of all kinds. Pushes and time are the most frequent.
pub fn steps(at_most: usize) -> impl Strategy<Value = Vec<Step>> {
    let (set, update, push) = (set(), update(), push());
    let step = prop_oneof![
        4 => set,
        2 => update,
        2 => (0..4_u8).prop_map(Step::End),
        8 => push,
        1 => any::<Index>().prop_map(Step::Note),
        2 => (any::<Index>(), 0..3_u8, proptest::bool::weighted(0.1))
            .prop_map(|(at, action, stale)| Step::Acknowledge(at, action, stale)),
        4 => (any::<Index>(), 0..3_u8, 0..6_u8, 1..2_000_u16)
            .prop_map(|(at, who, what, minutes)| Step::Hold(at, who, what, minutes)),
        2 => (0..3_u8, 1..2_000_u16).prop_map(|(who, minutes)| Step::Next(who, minutes)),
        2 => (any::<Index>(), 0..3_u8, 0..3_u8, 0..2_000_u16)
            .prop_map(|(at, action, who, minutes)| Step::Snooze(at, action, who, minutes)),
        2 => (any::<Index>(), proptest::option::of(1..2_000_u16)).prop_map(|(at, minutes)| Step::Pause(at, minutes)),
        2 => any::<Index>().prop_map(Step::Resume),
        2 => (any::<Index>(), 0..3_u8).prop_map(|(at, who)| Step::Finish(at, who)),
        2 => any::<bool>().prop_map(Step::Undo),
        1 => any::<Index>().prop_map(Step::Chase),
        2 => (0..3_u8, 0..6_u8, prop::bool::weighted(0.3))
            .prop_map(|(who, which, is_removed)| Step::View(who, which, is_removed)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(at, stage)| Step::Move(at, stage)),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, version)| Step::Migrate(at, version)),
        1 => (0..10_u8, prop::bool::weighted(0.2)).prop_map(|(work, stop)| Step::Batch(work, stop)),
        3 => Just(Step::StepBatch),
        2 => (0..3_000_u16, 1..4_u8).prop_map(|(minutes, calls)| Step::Archive(minutes, calls)),
        1 => any::<bool>().prop_map(Step::Replace),
        1 => (0..3_u8).prop_map(Step::ConfirmPurge),
        2 => (0..6_u8).prop_map(Step::Erase),
        2 => Just(Step::StepErasure),
        1 => any::<Index>().prop_map(Step::Withdraw),
        1 => any::<Index>().prop_map(Step::Cancel),
        2 => (any::<Index>(), 0..AMENDMENTS, any::<Index>())
            .prop_map(|(workflow, how, stage)| Step::Publish(workflow, how, stage)),
        1 => (0..3_u8, any::<bool>()).prop_map(|(team, is_removed)| Step::Team(team, is_removed)),
        1 => Just(Step::Again),
        1 => (any::<Index>(), 0..4_u16).prop_map(|(workflow, days)| Step::Retention(workflow, days)),
        1 => (-200_000_000..200_000_000_i32).prop_map(Step::AcceptClock),
        5 => (0..200_000_000_u32).prop_map(Step::Pass),
    ];
    vec(step, 1..at_most)
}

/// A script sets a workflow.
fn set() -> impl Strategy<Value = Step> {
    (
        0..4_u8,
        any::<Index>(),
        0..3_u8,
        any::<Option<Option<u16>>>(),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(call, workflow, if_running, release, chargeable)| Step::Set {
                call,
                workflow,
                if_running,
                release,
                chargeable,
            },
        )
}

/// A script changes a call.
fn update() -> impl Strategy<Value = Step> {
    (0..4_u8, any::<Option<bool>>(), any::<Option<u8>>()).prop_map(
        |(call, chargeable, customer)| Step::Update {
            call,
            chargeable,
            customer,
        },
    )
}

/// A person pushes a button.
fn push() -> impl Strategy<Value = Step> {
    (
        any::<Index>(),
        any::<Index>(),
        prop_oneof![9 => Just(0), 1 => 1..3_u8],
        prop::bool::weighted(0.1),
    )
        .prop_map(|(instance, button, stale, careless)| Step::Push {
            instance,
            button,
            stale,
            careless,
        })
}
