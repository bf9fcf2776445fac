//! The line of the page to the servers: it says whether what is shown is live, and nothing is missing
//! after an outage.

use std::net::SocketAddr;

use aftercall_tests::{Clients, House, push, set, with_refund};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::desk::{Desk, Page};

/// A network between the browser and the page, which can swallow everything without closing anything.
struct Network {
    address: SocketAddr,
    is_dead: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl Network {
    async fn before(page: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (is_dead, dead) = watch::channel(false);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((browser, _)) = listener.accept().await {
                connections.spawn(connect(browser, page, dead.clone()));
            }
        });
        Self {
            address,
            is_dead,
            _serving: serving,
        }
    }

    fn set_dead(&self, is_dead: bool) {
        self.is_dead.send_replace(is_dead);
    }
}

/// A connection begins once the network is there. One that was open when it died is dead, and closed
/// only when the network is back.
async fn connect(mut browser: TcpStream, page: SocketAddr, mut dead: watch::Receiver<bool>) {
    if dead.wait_for(|is_dead| !is_dead).await.is_err() {
        return;
    }
    let mut server = TcpStream::connect(page).await.expect("the page");
    tokio::select! {
        _ = copy_bidirectional(&mut browser, &mut server) => return,
        _ = died(&mut dead, true) => {}
    }
    // What was sent meanwhile is lost.
    died(&mut dead, false).await;
}

/// Waits until the network is dead, or is back.
async fn died(dead: &mut watch::Receiver<bool>, wanted: bool) {
    let _ = dead.wait_for(|is_dead| *is_dead == wanted).await;
}

/// A live board.
struct Scene {
    house: House,
    clients: Clients,
    sessions: TempDir,
    page: Option<Page>,
    desk: Desk,
    calls: u32,
}

impl Scene {
    async fn start() -> Self {
        let house = House::start().await;
        let clients = with_refund(&house).await;
        let sessions = tempfile::tempdir().expect("a directory");
        let page = Page::start(&house, sessions.path(), 0).await;
        Self {
            house,
            clients,
            sessions,
            page: Some(page),
            desk: Desk::open().await,
            calls: 0,
        }
    }

    fn address(&self) -> SocketAddr {
        self.page.as_ref().expect("it is served").address
    }

    async fn look(&mut self) {
        let url = format!("http://{}/", self.address());
        self.desk.goto(&url).await;
        self.desk.sees(".line.live").await;
        self.desk.remember("before").await;
    }

    /// Changes while the page may not see it: the rows that it must show afterwards.
    async fn change(&mut self) -> Vec<String> {
        let mut rows = Vec::new();
        for _ in 0..3 {
            self.calls += 1;
            let one = set(&mut self.clients, &format!("line/{}", self.calls), 20.0).await;
            rows.push(format!("#f-{}[data-rev='1']", one.instance_id));
        }
        let one = set(&mut self.clients, &format!("pushed/{}", self.calls), 72.5).await;
        let pushed = push(&one, &one.buttons[0].id, "Ben");
        self.clients
            .manager
            .push_button(pushed)
            .await
            .expect("pushed");
        rows.push(format!("#f-{}[data-rev='2']", one.instance_id));
        rows
    }

    /// The board is live again, has all rows, and was not loaded again.
    async fn is_whole(&mut self, rows: &[String]) {
        self.desk.sees(".line.live").await;
        for row in rows {
            self.desk.exists(row).await;
        }
        assert_eq!(self.desk.step("runs", "", "before").await, true);
        self.desk.is_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_of_each_server_leave_no_hole() {
    let mut scene = Scene::start().await;
    scene.look().await;

    let port = scene.address().port();
    scene.page.take().expect("it is served").stop().await;
    scene.desk.sees(".line.lost").await;
    let rows = scene.change().await;
    let page = Page::start(&scene.house, scene.sessions.path(), port).await;
    scene.page = Some(page);
    scene.is_whole(&rows).await;

    scene.house.stop_alerter().await;
    scene.desk.sees(".line.lost").await;
    scene.desk.reads(".line", "As of").await;
    let rows = scene.change().await;
    scene.house.start_alerter().await;
    scene.is_whole(&rows).await;

    scene.house.stop_workflow().await;
    scene.desk.sees(".line.lost").await;
    scene.house.start_workflow().await;
    scene.clients = scene.house.clients().await;
    let rows = scene.change().await;
    scene.is_whole(&rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_network_and_a_sleep_are_noticed() {
    let mut scene = Scene::start().await;
    // What a browser shows that is offline.
    scene.look().await;
    scene.desk.step("network", "", "off").await;
    scene.desk.sees(".line.lost").await;
    scene.desk.step("network", "", "on").await;
    scene.is_whole(&[]).await;

    let network = Network::before(scene.address()).await;
    let url = format!("http://{}/", network.address);
    scene.desk.step("clocked", "", &url).await;
    scene.desk.sees(".line.live").await;
    scene.desk.remember("before").await;
    // Nothing is closed and nothing comes: after 40 s the line says so.
    network.set_dead(true);
    let rows = scene.change().await;
    scene.desk.step("later", "", "46").await;
    scene.desk.sees(".line.lost").await;
    network.set_dead(false);
    scene.desk.step("later", "", "20").await;
    scene.is_whole(&rows).await;

    // A sleep of an hour, over which the connection died. Nobody waits for the 40 s.
    network.set_dead(true);
    let rows = scene.change().await;
    scene.desk.step("later", "", "3600").await;
    scene.desk.step("woken", "", "").await;
    scene.desk.sees(".line.lost").await;
    network.set_dead(false);
    scene.is_whole(&rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_tabs_over_plain_http_are_live() {
    let mut scene = Scene::start().await;
    scene.look().await;
    assert_eq!(scene.desk.step("tabs", "", "11").await, 12);
    scene.desk.step("everywhere", ".line.live", "").await;
    for row in scene.change().await {
        scene.desk.step("everywhere", &row, "").await;
    }
    scene.desk.is_sound().await;
}
