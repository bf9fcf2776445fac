//! A team whose agents only claim the next follow-up.

use aftercall_proto::access::v1::Role;

use crate::board::row;
use crate::desk::{Desk, Guarded, Page};

async fn sign_in(desk: &mut Desk, page: &Page, path: &str, token: &str) {
    desk.goto(&page.url(path)).await;
    desk.fill("[name=token]", token).await;
    desk.click("main button").await;
}

/// How many buttons of a row can be clicked.
async fn offered(desk: &mut Desk, row: &str) -> u64 {
    let buttons = format!("{row} [data-act]:visible, {row} .acts .button:visible");
    let count = desk.step("count", &buttons, "").await;
    count.as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_get_the_next_one_and_supervisors_choose() {
    let names = [
        ("Ada", Role::Author),
        ("Ann", Role::Agent),
        ("Sue", Role::Supervisor),
    ];
    let (guarded, [ada, ann, sue]) = Guarded::start("", names).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let mut author = Desk::open().await;
    sign_in(&mut author, &page, "/workflows/teams", &ada).await;
    let billing = "tr:has(code:text-is('billing'))";
    author.reads(billing, "by choice").await;
    author
        .click(&format!("{billing} a[href*='change=billing']"))
        .await;
    author.step("check", "[name=claim_next_only]", "").await;
    author.click("#team button.main").await;
    author.reads(billing, "Only the next one").await;
    // A change of the title keeps the setting.
    author
        .click(&format!("{billing} a[href*='change=billing']"))
        .await;
    author.fill("[name=title]", "Billing desk").await;
    author.click("#team button.main").await;
    author.reads(billing, "Billing desk").await;
    author.reads(billing, "Only the next one").await;

    let mut desk = Desk::open().await;
    sign_in(&mut desk, &page, "/", &ann).await;
    desk.sees(".line.live").await;
    let row = row(&guarded.one);
    // A choice is not offered, and the page says why: in the row, for the selection, by the key and
    // beside the forms.
    let (shares, next_only) = ("This team shares its work", "Only as the next one");
    desk.reads(&format!("{row}.shared .next-only:visible"), next_only)
        .await;
    assert_eq!(offered(&mut desk, &row).await, 0);
    desk.click(&format!("{row} .pick")).await;
    desk.reads("#selection .next-only:visible", next_only).await;
    desk.sees("#selection [data-work=snooze]").await;
    for work in ["push", "claim", "hand-over"] {
        let button = format!("#selection [data-work={work}]:visible");
        assert_eq!(desk.step("count", &button, "").await, 0, "{work}");
    }
    desk.click("#selection [data-clear]").await;
    desk.step("focus", &format!("{row} .who"), "").await;
    desk.step("press", "", "c").await;
    desk.reads("#panel .next-only:focus", shares).await;
    for form in ["push", "claim", "take-over"] {
        let forms = format!("#panel form[action$='/{form}']");
        assert_eq!(desk.step("count", &forms, "").await, 0, "{form}");
    }
    assert_eq!(desk.step("count", "#panel [name=to]", "").await, 0);
    desk.exists("#panel [name=to_team]").await;
    // The server refuses it too.
    let claim = page.url(&format!("/f/{}/claim", guarded.one.instance_id));
    let refused = desk.step("forge", &claim, "request_id=c1").await;
    assert_eq!(refused[0], 409, "{refused}");
    desk.goto(&page.url("/?q=ada")).await;
    desk.sees(".line.live").await;
    desk.click("#claim-next button").await;
    desk.reads("#panel .refused", shares).await;
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    desk.click("#claim-next button").await;
    desk.reads(&format!("{row} .by"), "Ann").await;
    // What the person holds is worked on as ever.
    desk.sees("#panel form.push").await;
    assert!(offered(&mut desk, &row).await > 0);
    desk.click("#panel form[action$='/release'] button").await;
    desk.sees(&format!("{row}.shared .next-only")).await;
    assert_eq!(offered(&mut desk, &row).await, 0);

    let mut lead = Desk::open().await;
    sign_in(&mut lead, &page, "/", &sue).await;
    lead.sees(".line.live").await;
    assert_eq!(lead.step("count", ".shared", "").await, 0);
    lead.click(&format!("{row} [data-act=claim]")).await;
    lead.reads(&format!("{row} .by"), "Sue").await;
    for desk in [&mut author, &mut desk, &mut lead] {
        desk.is_sound().await;
    }
    page.stop().await;
}

/// Sets whether agents of the team get only the next one.
async fn share(author: &mut Desk, page: &Page) {
    author.goto(&page.url("/workflows/teams")).await;
    let change = "tr:has(code:text-is('billing')) a[href*='change=billing']";
    author.click(change).await;
    author.click("[name=claim_next_only]").await;
    author.click("#team button.main").await;
    author.sees(change).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_board_learns_that_a_team_shares() {
    let names = [("Ada", Role::Author), ("Ann", Role::Agent)];
    let (guarded, [ada, ann]) = Guarded::start("", names).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let (mut author, mut desk) = (Desk::open().await, Desk::open().await);
    sign_in(&mut desk, &page, "/", &ann).await;
    desk.sees(".line.live").await;
    desk.remember("before").await;
    let row = row(&guarded.one);
    assert!(offered(&mut desk, &row).await > 0);
    sign_in(&mut author, &page, "/workflows/teams", &ada).await;
    share(&mut author, &page).await;
    // By a refusal.
    desk.click(&format!("{row} [data-act=claim]")).await;
    desk.reads("#panel .refused", "This team shares its work")
        .await;
    desk.sees(&format!("{row}.shared .next-only")).await;
    assert_eq!(offered(&mut desk, &row).await, 0);
    // With the beginning of each stream.
    share(&mut author, &page).await;
    let port = page.address.port();
    page.stop().await;
    let page = Page::start_with(&guarded.house, guarded.settings(), port).await;
    desk.sees(&format!("{row}:not(.shared) [data-act=claim]"))
        .await;
    assert_eq!(desk.step("runs", "", "before").await, true, "no reload");
    desk.is_sound().await;
    page.stop().await;
}
