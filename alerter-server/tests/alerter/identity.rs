//! The workflow-server wants to know which alerter reads its feed.

use tonic_health::pb::health_check_response::ServingStatus;

use crate::feed::Feed;
use crate::model::instance;
use crate::servers::Alerter;

#[tokio::test]
async fn a_refused_alerter_says_what_to_set_and_retries() {
    let feed = Feed::start().await;
    feed.write(vec![instance("a", "sales")]);
    feed.change(|script| script.token = Some("good"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "b4d\n").unwrap();
    let alerter = Alerter::start(&feed, |config| config.workflow_token_file = file.clone()).await;
    // The second request comes after the first refusal was noted.
    feed.until_asked(2).await;
    let reason = alerter.unready_because().await;
    assert!(
        reason.contains("set workflow_token_file") && !reason.contains("b4d"),
        "{reason}"
    );

    // Files are read again for each connection, so nobody restarts the alerter.
    std::fs::write(&file, "good\n").unwrap();
    alerter.wait_for_health(ServingStatus::Serving).await;
    let reason = alerter.unready_because().await;
    assert!(!reason.contains("workflow_token_file"), "{reason}");

    feed.kill().await;
    feed.change(|script| script.token = Some("newer"));
    std::fs::write(&file, "newer\n").unwrap();
    feed.bring_back().await;
    alerter.wait_for_health(ServingStatus::Serving).await;
}

#[tokio::test]
async fn a_missing_token_file_is_named() {
    let feed = Feed::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let alerter = Alerter::start(&feed, |config| config.workflow_token_file = file.clone()).await;
    let wanted = file.display().to_string();
    // The file is missing until the reason has been read: the alerter may still be on its way.
    let mut reason = String::new();
    while !reason.contains(&wanted) {
        reason = alerter.unready_because().await;
    }
    assert!(reason.contains("correct workflow_token_file"), "{reason}");
    std::fs::write(&file, "any\n").unwrap();
    alerter.wait_for_health(ServingStatus::Serving).await;
}
