//! Tests of the lanes of reads.

use std::net::SocketAddr;

use aftercall_serving::asker::scope;

use super::*;

fn reading(threads: usize, waiting_max: usize) -> Arc<Reading> {
    Arc::new(Reading::with(threads, (waiting_max, waiting_max), READ_TIME_MAX).unwrap())
}

/// A walk that only a stop ends, and that reports when it has begun.
fn endless(
    begun: oneshot::Sender<()>,
) -> impl FnOnce(ShouldStop<'_>) -> Result<(), Stopped> + Send {
    move |should_stop| {
        let _ = begun.send(());
        while !should_stop() {
            std::thread::yield_now();
        }
        Err(Stopped)
    }
}

#[tokio::test]
async fn a_read_runs_on_a_thread_of_its_lane() {
    let name = |_: ShouldStop<'_>| Ok(std::thread::current().name().unwrap_or_default().to_owned());
    let reading = reading(1, 0);
    assert_eq!(reading.run(Lane::Desk, name).await.unwrap(), "reads-desk-0");
    assert_eq!(
        reading.run(Lane::Heavy, name).await.unwrap(),
        "reads-heavy-0"
    );
    assert_eq!(
        reading.run(Lane::Picture, name).await.unwrap(),
        "reads-picture-0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_leaves_the_other_lanes_alone() {
    let reading = reading(1, 0);
    let (begun, has_begun) = oneshot::channel();
    let running = tokio::spawn({
        let reading = reading.clone();
        async move { reading.run(Lane::Heavy, endless(begun)).await }
    });
    has_begun.await.unwrap();
    assert_eq!(
        reading.run(Lane::Heavy, |_| Ok(1)).await,
        Err(ReadError::Full { limit: 1 })
    );
    assert_eq!(reading.run(Lane::Desk, |_| Ok(2)).await, Ok(2));
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_accepts_a_read_from_another_connection() {
    let reading = reading(1, 0);
    let peer = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let (begun, has_begun) = oneshot::channel();
    let flooding = tokio::spawn({
        let reading = reading.clone();
        scope(peer(1), async move {
            reading.run(Lane::Heavy, endless(begun)).await
        })
    });
    has_begun.await.unwrap();
    let full = Err(ReadError::Full { limit: 1 });
    assert_eq!(
        scope(peer(1), reading.run(Lane::Heavy, |_| Ok(1))).await,
        full,
        "it has one already"
    );
    let waits = tokio::spawn({
        let reading = reading.clone();
        scope(
            peer(2),
            async move { reading.run(Lane::Heavy, |_| Ok(2)).await },
        )
    });
    while reading.heavy.askers.of(peer(2)) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        scope(peer(2), reading.run(Lane::Heavy, |_| Ok(3))).await,
        full,
        "it has one that waits"
    );
    flooding.abort();
    assert_eq!(waits.await.unwrap(), Ok(2));
    // The thread frees a place just after it has answered.
    while reading.heavy.askers.of(peer(2)) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn while_too_much_is_unread_new_reads_are_refused() {
    let mut reading = Reading::with(1, (1, 1), READ_TIME_MAX).unwrap();
    reading.is_full = |_| true;
    let unread = ReadError::Unread { limit: usize::MAX };
    for lane in [Lane::Desk, Lane::Heavy, Lane::Picture] {
        assert_eq!(reading.run(lane, |_| Ok(1)).await, Err(unread));
        assert_eq!(reading.run_waiting(lane, || async { 1 }).await, Err(unread));
    }
    assert_eq!(reading.run_afterwards(Lane::Heavy, |_| Ok(2)).await, Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_change_waits_where_others_are_refused() {
    let reading = reading(1, 0);
    let (begun, has_begun) = oneshot::channel();
    let running = tokio::spawn({
        let reading = reading.clone();
        async move { reading.run(Lane::Heavy, endless(begun)).await }
    });
    has_begun.await.unwrap();
    let afterwards = reading.run_afterwards(Lane::Heavy, |_| Ok(5));
    running.abort();
    assert_eq!(afterwards.await, Ok(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_ends_when_nobody_waits_for_it_any_more() {
    let reading = reading(1, 1);
    let (begun, has_begun) = oneshot::channel();
    let left = tokio::spawn({
        let reading = reading.clone();
        async move { reading.run(Lane::Heavy, endless(begun)).await }
    });
    has_begun.await.unwrap();
    left.abort();
    assert_eq!(
        reading.run(Lane::Heavy, |_| Ok(7)).await,
        Ok(7),
        "its thread is free again"
    );
}

#[tokio::test]
async fn a_read_ends_when_its_time_is_used_up() {
    // Its place is free a moment after it has ended: the second one waits for that.
    let reading = Reading::with(1, (1, 1), Duration::ZERO).unwrap();
    let (begun, _has_begun) = oneshot::channel();
    assert_eq!(
        reading.run(Lane::Heavy, endless(begun)).await,
        Err(ReadError::TimeUp)
    );
    let waits = reading.run_waiting(Lane::Heavy, std::future::pending::<()>);
    assert_eq!(waits.await, Err(ReadError::TimeUp));
}

#[tokio::test]
async fn a_waiting_read_frees_its_thread_when_abandoned() {
    let reading = reading(1, 1);
    let (begun, has_begun) = oneshot::channel();
    let left = tokio::spawn({
        let reading = reading.clone();
        async move {
            let read = || async {
                let name = std::thread::current().name().unwrap_or_default().to_owned();
                let _ = begun.send(name);
                std::future::pending::<()>().await;
            };
            reading.run_waiting(Lane::Heavy, read).await
        }
    });
    assert_eq!(has_begun.await.unwrap(), "reads-heavy-0");
    left.abort();
    assert_eq!(
        reading.run_waiting(Lane::Heavy, || async { 7 }).await,
        Ok(7),
        "its thread is free again"
    );
}

#[tokio::test]
async fn a_panic_costs_its_read_only() {
    let reading = reading(1, 0);
    let panics = |_: ShouldStop<'_>| -> Result<(), Stopped> { panic!("a fault of the code") };
    assert_eq!(
        reading.run(Lane::Desk, panics).await,
        Err(ReadError::Panicked)
    );
    assert_eq!(reading.run(Lane::Desk, |_| Ok(3)).await, Ok(3));
}
