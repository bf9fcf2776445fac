//! The page of a supervisor.

use aftercall_proto::workflow::v1::{ClaimFollowUpRequest, ListAwayRequest};
use aftercall_tests::{House, set, with_refund};

use crate::desk::{Desk, Page};

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_sees_who_holds_what_and_hands_it_over() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let one = set(&mut clients, "1001", 72.5).await;
    let name = "Zoë <script>window.evil = 1</script>";
    let claim = ClaimFollowUpRequest {
        actor: name.to_owned(),
        instance_id: one.instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url("/")).await;
    desk.click(".places a[href='/team']").await;
    desk.sees(".line.live").await;
    assert_eq!(desk.text("#open").await, "1");
    assert_eq!(desk.text("#unclaimed").await, "1");
    desk.sees("#counts a[href='/?team=billing']").await;

    // The counts and the holders change live.
    clients.manager.claim_follow_up(claim).await.expect("held");
    desk.reads("#unclaimed", "0").await;
    desk.reads("#holders th", name).await;
    set(&mut clients, "1002", 20.0).await;
    desk.reads("#open", "2").await;

    desk.click("#holders tbody a").await;
    desk.reads("h1", name).await;
    desk.sees(&format!("#held a[href='/f/{}']", one.instance_id))
        .await;
    desk.fill("#hand-over [name=to]", "Ann").await;
    desk.fill("#hand-over [name=reason]", "end of shift").await;
    desk.click("#hand-over button").await;
    desk.reads("[role=status]", "Handed over: 1").await;
    desk.goto(&page.url("/my-work")).await;
    desk.sees(&format!("#held a[href='/f/{}']", one.instance_id))
        .await;
    // Ann is away: what is handed to her goes to Ben.
    desk.fill("#away [name=until]", "2027-06-01T08:30").await;
    desk.fill("#away [name=instead]", "Ben").await;
    desk.click("#away form.push button").await;
    desk.reads("#away p", "Ben").await;
    let away = clients.staff.list_away(ListAwayRequest {}).await;
    let away = away.expect("listed").into_inner().away;
    let until = away[0].until.expect("a time").to_string();
    assert_eq!(until, "2027-06-01T06:30:00Z", "in the zone of the viewer");
    desk.goto(&page.url("/team")).await;
    desk.reads("#holders li", "Ann").await;
    desk.click("#holders li a").await;
    desk.click("a[href^='/team/day']").await;
    desk.reads("h1", "Ann").await;
    desk.reads(".history .did", "handed over").await;
    desk.reads("table.counts th", "handed over").await;
    desk.goto(&page.url("/my-work")).await;
    desk.click("#away form[action='/team/back'] button").await;
    desk.step("gone", "#away p", "").await;
    // To nobody is refused with the reason.
    desk.click("#hand-over button").await;
    desk.sees("[role=alert]").await;
    assert_eq!(desk.step("runs", "", "evil").await, false);
    desk.is_sound().await;
    page.stop().await;
}
