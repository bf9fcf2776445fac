//! What people type is theirs alone, and sensitive text is not kept. `killed.rs` ends all servers.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::AddNoteRequest;
use aftercall_tests::{House, REFUND, set_refund, text, with_refund};

use crate::desk::{Desk, Guarded, Page};

/// A refund whose form asks for a bank account, and a field that holds one.
fn protected() -> String {
    let form = "form: { account: { type: text, sensitive: true }, bank: { type: text } }";
    REFUND.replace("note: required", form).replace(
        "order: { type: text }",
        "order: { type: text, sensitive: true }",
    )
}

/// The note that everybody may write.
const NOTE: &str = "form[data-form=note]";

async fn sign_in(desk: &mut Desk, token: &str) {
    desk.fill("[name=token]", token).await;
    desk.click("main button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_does_not_continue_with_a_page() {
    let names = ["Ann", "Ben"].map(|name| (name, Role::Agent));
    let (guarded, [ann, ben]) = Guarded::start("", names).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let mut desk = Desk::open().await;
    let path = format!("/f/{}", guarded.one.instance_id);
    desk.goto(&page.url(&path)).await;
    sign_in(&mut desk, &ann).await;
    desk.sees(".line.live").await;
    let note = format!("{NOTE} textarea");
    desk.fill(&note, "A note of Ann").await;
    desk.step("tab", "", &page.url("/sign-in?return_to=/signed-in"))
        .await;
    sign_in(&mut desk, &ben).await;
    desk.reads("h1", "You are signed in").await;
    desk.step("popped", "", "").await;
    desk.sees("#session .else a").await;
    // Ben starts with a page of his own, without what Ann typed, which Ann finds again.
    desk.goto(&page.url(&path)).await;
    assert_eq!(desk.value(&note).await, "");
    desk.goto(&page.url("/sign-in")).await;
    sign_in(&mut desk, &ann).await;
    desk.sees(".line.live").await;
    desk.goto(&page.url(&path)).await;
    assert_eq!(desk.value(&note).await, "A note of Ann");
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sensitive_text_is_no_draft_and_shown_on_demand() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    clients.publish(&protected()).await;
    let mut request = set_refund("1001", 72.5);
    request
        .fields
        .insert("order".to_owned(), text("DE02 1203 0000"));
    let set = clients.scripts.set_workflow(request).await;
    let one = set.expect("set").into_inner().follow_up.expect("there");
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url(&format!("/f/{}", one.instance_id)))
        .await;
    desk.sees(".line.live").await;
    // Neither the search of the list nor a glance at the screen shows it.
    let row = format!("#f-{}", one.instance_id);
    let search = desk.step("attribute", &row, "data-search").await;
    assert!(!search.to_string().contains("1203"), "{search}");
    desk.exists("#s-order:not([open])").await;
    desk.click("#s-order summary").await;
    desk.reads("#s-order", "DE02 1203 0000").await;

    let (account, bank) = ("[name='form.text.account']", "[name='form.text.bank']");
    let complete = desk.step("attribute", account, "autocomplete").await;
    assert_eq!(complete, "off");
    desk.reads("#b-reject", "Not kept in this browser").await;
    desk.fill(account, "DE44 5001").await;
    desk.fill(bank, "Savings bank").await;
    // Another look at it keeps it in the memory of the page: after a note, and when somebody changes it.
    let claimed = format!("{row}[data-holder='Ann']");
    desk.exists(&claimed).await;
    desk.fill(&format!("{NOTE} textarea"), "Asked for the account")
        .await;
    desk.click(&format!("{NOTE} button")).await;
    desk.reads(".notes li", "Asked for the account").await;
    assert_eq!(desk.value(account).await, "DE44 5001");
    desk.exists(&format!("{NOTE} button:focus")).await;
    let note = AddNoteRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        text: "He calls again".to_owned(),
        ..AddNoteRequest::default()
    };
    clients.manager.add_note(note).await.expect("noted");
    desk.click(".changed").await;
    desk.step("gone", ".changed", "").await;
    assert_eq!(desk.value(account).await, "DE44 5001");
    desk.reload().await;
    assert_eq!(desk.value(bank).await, "Savings bank");
    assert_eq!(desk.value(account).await, "");
    let kept = desk.step("kept", "", "").await.to_string();
    assert!(kept.contains("Savings") && !kept.contains("5001"), "{kept}");
    // It is sent, and the browser keeps nothing.
    desk.fill(account, "DE44 5001").await;
    desk.click("#b-reject button").await;
    desk.reads(".ended", "rejected").await;
    assert_eq!(desk.step("kept", "", "").await, "");
    let history = format!("/f/{}/history", one.instance_id);
    desk.goto(&page.url(&history)).await;
    desk.exists(".history details:not([open])").await;
    desk.click(".history summary").await;
    desk.reads(".history details", "DE44 5001").await;
    desk.is_sound().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_leaves_what_others_typed() {
    let names = ["Ann", "Ann Lee"].map(|name| (name, Role::Agent));
    let (guarded, [ann, lee]) = Guarded::start("", names).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let mut desk = Desk::open().await;
    let path = format!("/f/{}", guarded.one.instance_id);
    let note = format!("{NOTE} textarea");
    desk.goto(&page.url(&path)).await;
    sign_in(&mut desk, &lee).await;
    desk.sees(".line.live").await;
    desk.fill(&note, "A note of Ann Lee").await;
    // A snooze that is not finished is kept too.
    desk.click(".snooze summary").await;
    desk.fill(".snooze [name=local]", "2027-03-28T12:30").await;
    desk.reload().await;
    assert_eq!(desk.value(".snooze [name=local]").await, "2027-03-28T12:30");
    let row = format!("#f-{}", guarded.one.instance_id);
    desk.exists(&format!("{row}[data-holder='Ann Lee']")).await;
    desk.click("#panel form[action$='/release'] button").await;
    desk.exists(&format!("{row}[data-holder='']")).await;
    assert_eq!(desk.step("drafts", "", "").await, 2);

    desk.goto(&page.url("/sign-in")).await;
    sign_in(&mut desk, &ann).await;
    desk.sees(".line.live").await;
    desk.click(&format!("{row} [data-act=push]")).await;
    desk.sees("#undo:not([hidden])").await;
    assert_eq!(desk.step("stored", "", "undo ").await, 1);
    desk.click("details.me summary").await;
    desk.click("#sign-out button").await;
    desk.sees("[name=token]").await;
    assert_eq!(desk.step("stored", "", "undo ").await, 0);
    assert_eq!(desk.step("drafts", "", "").await, 2);
    page.stop().await;
}
