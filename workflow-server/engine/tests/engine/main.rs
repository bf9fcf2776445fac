//! Tests of the engine: commands on a World, alone and in arbitrary order.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails if something unexpected happens"
)]

mod calendars;
mod claimable;
mod claims;
mod deciding;
mod desk;
mod desk_batches;
mod edges;
mod erasing;
mod erasures;
mod fair_shares;
mod invariants;
mod leaving;
mod limited;
mod migrating;
mod migrating_clicks;
mod never_stuck;
mod owners;
mod pauses;
mod phone;
mod reach;
mod retention;
mod searching;
mod setting_again;
mod stage_titles;
mod teams;
mod texts;
mod time_bounds;
mod true_texts;
mod undoing;
mod views;
mod working;
mod zones;
