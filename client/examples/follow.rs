//! Keeps the list of follow-ups of a team on the screen, over restarts of either server.
//!
//! `cargo run -p aftercall-client --example follow -- [ADDRESS [TEAM]]`

use aftercall_client::proto::workflow::v1::FollowUpFilter;
use aftercall_client::{Change, Error, Event, LiveList, Subscription};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let address = args
        .next()
        .unwrap_or_else(|| "http://127.0.0.1:7402".to_owned());
    let filter = FollowUpFilter {
        teams: args.collect(),
        ..FollowUpFilter::default()
    };
    let mut subscription = Subscription::to(&address)?.filter(filter).patient();
    let mut list = LiveList::default();
    loop {
        let event = subscription.next().await?;
        if let Event::Lost { reason, wait } = &event {
            println!("lost: {reason}; again in {wait:?}");
        }
        for change in list.take(&event) {
            match change {
                Change::Listed(follow_up) => println!("open: {}", follow_up.instance_id),
                Change::Changed(change) => {
                    let follow_up = change.follow_up.unwrap_or_default();
                    let stage = follow_up.stage.unwrap_or_default();
                    println!(
                        "stage: {} {} {}",
                        follow_up.instance_id, stage.number, stage.title
                    );
                }
                Change::Left(left) => println!("gone: {} {}", left.instance_id, left.outcome),
                Change::Vanished { instance_id } => println!("gone: {instance_id}"),
                Change::Exact { .. } => println!("{} open", list.len()),
                Change::Upstream(upstream) => {
                    println!("workflow-server in reach: {}", upstream.connected);
                }
            }
        }
    }
}
