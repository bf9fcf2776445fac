//! Keeps the list of follow-ups of a team on the screen, over restarts of either server.
//!
//! `cargo run -p aftercall-client --example follow -- [ADDRESS [TEAM]]`
//!
//! `AFTERCALL_CA_FILE` names a private certificate authority, `AFTERCALL_TOKEN_FILE` a file with a
//! token.

use aftercall_client::proto::workflow::v1::FollowUpFilter;
use aftercall_client::{Change, Connector, Error, Event, LiveList, Subscription, TokenFile};

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
    let mut connector = Connector::to(&address)?;
    if let Some(ca) = std::env::var_os("AFTERCALL_CA_FILE") {
        connector = connector.trust(ca);
    }
    if let Some(token) = std::env::var_os("AFTERCALL_TOKEN_FILE") {
        connector = connector.tokens(TokenFile::new(token));
    }
    let mut subscription = Subscription::over(connector).filter(filter).patient();
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
