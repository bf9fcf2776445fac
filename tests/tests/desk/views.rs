//! Saved views: saved, listed with counts, removed, and the same after a restart.

use aftercall_proto::workflow::v1::{
    FollowUpFilter, ListFollowUpsRequest, ListViewsRequest, RemoveViewRequest, SaveViewRequest,
    SavedView,
};
use aftercall_tests::{Clients, House, reason, set, with_refund};
use tonic::{Code, Status};

async fn save(
    clients: &mut Clients,
    (team, view): (&str, &str),
    filter: FollowUpFilter,
) -> Result<u64, Status> {
    let request = SaveViewRequest {
        actor: "Ann".to_owned(),
        team: team.to_owned(),
        view: view.to_owned(),
        filter: Some(filter),
        ..SaveViewRequest::default()
    };
    let answer = clients.views.save_view(request).await?;
    Ok(answer.into_inner().revision)
}

/// The views of a person and of teams.
async fn views(clients: &mut Clients, person: &str) -> Vec<SavedView> {
    let request = ListViewsRequest {
        person: person.to_owned(),
        ..ListViewsRequest::default()
    };
    let answer = clients.views.list_views(request).await.expect("a list");
    answer.into_inner().views
}

/// Each view's name, team and counts.
fn counts(views: &[SavedView]) -> Vec<(&str, &str, u64, u64)> {
    let of = |view: &'_ SavedView| {
        let counts = view.counts.expect("counted");
        (counts.follow_ups, counts.overdue)
    };
    views
        .iter()
        .map(|view| (&*view.name, &*view.team, of(view).0, of(view).1))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_counts_what_it_selects() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in ["1", "2", "3"] {
        set(&mut clients, call, 5.0).await;
    }
    let of_billing = || FollowUpFilter {
        teams: vec!["billing".to_owned()],
        ..FollowUpFilter::default()
    };
    let of_one = FollowUpFilter {
        text: "2".to_owned(),
        ..of_billing()
    };
    let overdue = FollowUpFilter {
        overdue: true,
        ..FollowUpFilter::default()
    };
    save(&mut clients, ("", "One"), of_one)
        .await
        .expect("saved");
    save(&mut clients, ("", "Late"), overdue)
        .await
        .expect("saved");
    let of_team = save(&mut clients, ("billing", "All"), of_billing()).await;
    assert_eq!(of_team.expect("saved"), 1);
    let expected = [
        ("Late", "", 0, 0),
        ("One", "", 1, 0),
        ("All", "billing", 3, 0),
    ];
    let listed = views(&mut clients, "Ann").await;
    assert_eq!(counts(&listed), expected);
    assert_eq!(counts(&views(&mut clients, "Ben").await), expected[2..]);
    // A list by the filter of a view has what the view counts.
    for view in &listed {
        let request = ListFollowUpsRequest {
            filter: view.filter.clone(),
            ..ListFollowUpsRequest::default()
        };
        let page = clients.manager.list_follow_ups(request).await;
        let rows = page.expect("a page").into_inner().rows.len() as u64;
        assert_eq!(rows, view.counts.expect("counted").follow_ups, "{view:?}");
    }
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    assert_eq!(views(&mut clients, "Ann").await, listed, "after a restart");
    let removed = RemoveViewRequest {
        actor: "Ann".to_owned(),
        view: "One".to_owned(),
        ..RemoveViewRequest::default()
    };
    clients
        .views
        .remove_view(removed.clone())
        .await
        .expect("removed");
    let gone = clients.views.remove_view(removed).await.expect_err("gone");
    assert_eq!(
        (gone.code(), &*reason(&gone)),
        (Code::NotFound, "NO_SUCH_VIEW")
    );
    let left = views(&mut clients, "Ann").await;
    assert_eq!(counts(&left), [expected[0], expected[2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_names_no_caller() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let refused = FollowUpFilter {
        phone: "020 7946 0001".to_owned(),
        reference: "B-1".to_owned(),
        text: "t".repeat(129),
        ..FollowUpFilter::default()
    };
    let refused = save(&mut clients, ("", "Her"), refused).await;
    let refused = refused.expect_err("it names a caller");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let said = format!("{refused:?}");
    for field in ["filter.phone", "filter.reference", "filter.text"] {
        assert!(said.contains(field), "{field}: {said}");
    }
    let nameless = save(&mut clients, ("", " "), FollowUpFilter::default()).await;
    assert_eq!(nameless.expect_err("no name").code(), Code::InvalidArgument);
    let of_nobody = save(&mut clients, ("nobody", "All"), FollowUpFilter::default()).await;
    assert_eq!(reason(&of_nobody.expect_err("no team")), "NO_SUCH_TEAM");
}
