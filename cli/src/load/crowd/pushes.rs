//! The pushes whose latency is measured: an open loop, on a thread and a connection of its own.
//!
//! Promise: pushes leave when their time has come, whether others are answered or not. What the
//! crowd's clients do with their answers does not delay them within this process. Must not: push a
//! follow-up twice.

use std::time::{Duration, Instant};

use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use tokio::runtime;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;
use tonic::transport::Channel;

use crate::connect::Connections;
use crate::errors::Failure;
use crate::load::closed_loop::Measured;
use crate::load::requests::{Target, push_request};

/// Follow-ups that nobody has pushed, and how they are pushed.
#[derive(Debug)]
pub(super) struct Pushes {
    pub(super) to: Connections,
    pub(super) targets: Vec<Target>,
    /// How many leave in a second.
    pub(super) rate: u32,
}

impl Pushes {
    /// Pushes for `time`, each on a follow-up that nobody has pushed.
    pub(super) async fn run(self, time: Duration) -> Result<(Measured, Self), Failure> {
        spawn_blocking(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async move {
                let mut pushes = self;
                let channel = pushes.to.workflow_server().await?;
                let measured = pushes.push(&channel, time).await?;
                Ok((measured, pushes))
            })
        })
        .await?
    }

    async fn push(&mut self, channel: &Channel, time: Duration) -> Result<Measured, Failure> {
        let mut measured = Measured::new()?;
        let began = Instant::now();
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = JoinSet::new();
        while began.elapsed() < time {
            let due = ticks.tick().await.into_std();
            let Some(target) = self.targets.pop() else {
                return Err(Failure::usage(
                    "There are fewer follow-ups than pushes: take more of --open.".to_owned(),
                ));
            };
            let mut client = CallManagerServiceClient::new(channel.clone());
            under_way.spawn(async move {
                client
                    .push_button(push_request(&target))
                    .await
                    .map(|_| due.elapsed())
            });
            while let Some(answered) = under_way.try_join_next() {
                note(&mut measured, answered)?;
            }
        }
        while let Some(answered) = under_way.join_next().await {
            note(&mut measured, answered)?;
        }
        measured.elapsed = began.elapsed();
        Ok(measured)
    }
}

fn note(
    measured: &mut Measured,
    answered: Result<Result<Duration, Status>, JoinError>,
) -> Result<(), Failure> {
    match answered? {
        Ok(took) => measured.record(took),
        Err(status) => measured.fail(&status),
    }
    Ok(())
}
