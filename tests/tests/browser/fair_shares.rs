//! A team whose agents only claim the next follow-up.

use aftercall_proto::access::v1::Role;

use crate::board::row;
use crate::desk::{Desk, Guarded, Page};

async fn sign_in(desk: &mut Desk, page: &Page, path: &str, token: &str) {
    desk.goto(&page.url(path)).await;
    desk.fill("[name=token]", token).await;
    desk.click("main button").await;
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
    desk.click(&format!("{row} [data-act=claim]")).await;
    let shares = "This team shares its work";
    desk.reads("#panel .refused", shares).await;
    desk.goto(&page.url("/?q=ada")).await;
    desk.sees(".line.live").await;
    desk.click("#claim-next button").await;
    desk.reads("#panel .refused", shares).await;
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    desk.click("#claim-next button").await;
    desk.reads(&format!("{row} .by"), "Ann").await;
    desk.click("#panel form[action$='/release'] button").await;
    desk.exists(&format!("{row} [data-act=claim]")).await;

    let mut lead = Desk::open().await;
    sign_in(&mut lead, &page, "/", &sue).await;
    lead.sees(".line.live").await;
    lead.click(&format!("{row} [data-act=claim]")).await;
    lead.reads(&format!("{row} .by"), "Sue").await;
    for desk in [&mut author, &mut desk, &mut lead] {
        desk.is_sound().await;
    }
    page.stop().await;
}
