//! Signing in to the Call Manager, and requests from other pages.

use aftercall_proto::access::v1::Role;
use aftercall_tests::House;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::desk::{Desk, Guarded, Page};

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_once_with_a_token() {
    let (guarded, [ann]) = Guarded::start("", [("Ann", Role::Agent)]).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;

    let mut desk = Desk::open().await;
    desk.goto(&page.url("/f/none?mine=1")).await;
    desk.fill("[name=token]", "aftercall_wrong").await;
    desk.click("button.main").await;
    desk.sees(".refused").await;
    desk.fill("[name=token]", &ann).await;
    desk.click("button.main").await;
    let address = desk.step("address", "", "").await;
    assert_eq!(address, page.url("/f/none?mine=1"), "back to where she was");
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    assert!(desk.text(".me").await.contains("Ann"));

    // A restart signs nobody out, and nobody else has the session.
    let port = page.address.port();
    page.stop().await;
    let page = Page::start_with(&guarded.house, guarded.settings(), port).await;
    desk.step("reload", "", "").await;
    let mut other = Desk::open().await;
    other.goto(&page.url("/")).await;
    other.sees("[name=token]").await;

    desk.click(".me summary").await;
    desk.click("#sign-out button").await;
    desk.sees("[name=token]").await;
    desk.goto(&page.url("/")).await;
    desk.sees("[name=token]").await;
    desk.is_sound().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_who_else_looks() {
    let names = [("Ann", Role::Agent), ("Ben", Role::Agent)];
    let (guarded, tokens) = Guarded::start("", names).await;
    let page = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let path = format!("/f/{}", guarded.one.instance_id);
    let mut desks = Vec::new();
    for token in tokens {
        let mut desk = Desk::open().await;
        desk.goto(&page.url(&path)).await;
        desk.fill("[name=token]", &token).await;
        desk.click("button.main").await;
        desk.sees(".line.live").await;
        desks.push(desk);
    }
    let [ann, ben] = desks.as_mut_slice() else {
        panic!("two people");
    };
    ben.reads(".looking", "Ann").await;
    ann.reload().await;
    ann.reads(".looking", "Ben").await;
    ben.is_sound().await;
    page.stop().await;
}

/// The status of a POST to the page, by a browser that is on a page of this origin.
async fn posted(page: &Page, host: &str, origin: &str) -> String {
    let mut stream = TcpStream::connect(page.address).await.expect("it listens");
    let body = "request_id=&team=";
    let request = format!(
        "POST /claim-next HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer
        .split_whitespace()
        .nth(1)
        .expect("a status")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_cannot_act() {
    let house = House::start().await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let own = page.address.to_string();
    assert_eq!(posted(&page, &own, &format!("http://{own}")).await, "303");
    assert_eq!(posted(&page, &own, "http://evil.example").await, "403");
    assert_eq!(posted(&page, &own, "null").await, "403");
    let rebound = posted(&page, "evil.example", "http://evil.example").await;
    assert!(rebound.starts_with('4'), "{rebound}");
    page.stop().await;
}
