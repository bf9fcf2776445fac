//! The page of a supervisor.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{ClaimFollowUpRequest, ListAwayRequest};
use aftercall_tests::{House, set, with_refund};

use crate::desk::{Desk, Guarded, Page};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_sees_people_of_the_own_teams() {
    let names = [
        ("Ann", Role::Agent, "billing"),
        ("Sue", Role::Supervisor, "billing"),
        ("Bo", Role::Supervisor, "payments"),
    ];
    let (guarded, tokens) = Guarded::start_scoped("", names).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let (mut ann, mut sue, mut bo) = (Desk::open().await, Desk::open().await, Desk::open().await);
    for (desk, token) in [&mut ann, &mut sue, &mut bo].into_iter().zip(&tokens) {
        desk.goto(&page.url("/my-work")).await;
        desk.fill("[name=token]", token).await;
        desk.click("main button").await;
        desk.sees("#away").await;
    }
    let id = &guarded.one.instance_id;
    ann.goto(&page.url(&format!("/f/{id}"))).await;
    ann.click("#panel form[action$='/claim'] button").await;
    ann.sees("#panel form[action$='/release']").await;
    sue.goto(&page.url("/team/person?name=Ann")).await;
    sue.sees(&format!("#held a[href='/f/{id}']")).await;
    sue.fill("#away [name=until]", "2027-06-01T08:30").await;
    sue.click("#away form.push button").await;
    sue.sees("#away p").await;
    sue.goto(&page.url("/team")).await;
    sue.reads("#holders th", "Ann").await;
    sue.reads("#holders li", "Ann").await;

    // Bo leads another team: nothing of Ann is shown, and nothing is changed.
    bo.goto(&page.url("/team")).await;
    bo.reads("#holders", "Nobody holds anything").await;
    assert_eq!(bo.step("count", "#holders li", "").await, 0);
    bo.goto(&page.url("/team/person?name=Ann")).await;
    assert_eq!(bo.step("count", "#held a, #away p", "").await, 0);
    bo.fill("#away [name=until]", "2027-06-01T08:30").await;
    bo.fill("#away [name=instead]", "Bo").await;
    bo.click("#away form.push button").await;
    bo.reads("[role=alert]", "not yours to see").await;
    bo.fill("#hand-over [name=to]", "Bo").await;
    bo.fill("#hand-over [name=reason]", "mine").await;
    bo.click("#hand-over button").await;
    bo.reads("[role=status]", "Handed over: 0").await;
    let today = "a[href^='/team/day']";
    bo.click(today).await;
    assert_eq!(bo.step("count", ".history li", "").await, 0);
    sue.goto(&page.url("/team/person?name=Ann")).await;
    sue.sees(&format!("#held a[href='/f/{id}']")).await;
    sue.click(today).await;
    sue.reads(".history .did", "claimed").await;
    for desk in [&mut ann, &mut sue, &mut bo] {
        desk.is_sound().await;
    }
    page.stop().await;
}
