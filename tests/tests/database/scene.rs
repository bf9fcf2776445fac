//! A workflow-server on a database of its own.

use std::path::Path;
use std::time::Duration;

use aftercall_proto::workflow::v1::CountInstancesRequest;
use aftercall_test_postgres::Server;
use aftercall_tests::{Clients, REFUND, ServerProcess, eventually};

use crate::guarded::run;

/// A stop, with what a busy machine may add.
pub(crate) const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// A database with a store.
pub(crate) struct Place<'a> {
    pub(crate) server: &'a Server,
    pub(crate) database: String,
}

impl<'a> Place<'a> {
    /// A new store.
    pub(crate) fn create(server: &'a Server) -> Self {
        let database = server.create_database();
        let place = Self { server, database };
        let (succeeded, shown) = run(
            "aftercall",
            &["store", "init", "--store", &place.url()],
            &[],
        );
        assert!(succeeded, "{shown}");
        place
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(&self.database)
    }

    pub(crate) fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.database, statements)
    }

    /// A server that leads.
    pub(crate) async fn serve(&self, args: &[&str]) -> (ServerProcess, Clients) {
        self.serve_with(args, ServerProcess::start).await
    }

    /// The same. Its log goes to this file.
    pub(crate) async fn serve_with_log(&self, log: &Path) -> (ServerProcess, Clients) {
        let start = |name: &str, args: &[&str]| ServerProcess::start_with_log(name, args, log);
        self.serve_with(&[], start).await
    }

    async fn serve_with(
        &self,
        args: &[&str],
        start: impl FnOnce(&str, &[&str]) -> ServerProcess,
    ) -> (ServerProcess, Clients) {
        let url = self.url();
        let args = [&["--store", &url, "--listen", "127.0.0.1:0"], args].concat();
        let server = start("workflow-server", &args);
        let clients = Clients::connect(server.address(), None).await;
        eventually("the server leads", || {
            let mut operations = clients.operations.clone();
            async move {
                let counted = operations.count_instances(CountInstancesRequest::default());
                counted.await.ok()
            }
        })
        .await;
        (server, clients)
    }

    /// Waits until a query returns these rows.
    pub(crate) async fn wait_for(&self, query: &str, rows: &[&str]) {
        eventually(query, || {
            let found = self.sql(query);
            let is_there = found.lines().eq(rows.iter().copied());
            async move { is_there.then_some(()) }
        })
        .await;
    }
}

/// Publishes the refund with its teams.
pub(crate) async fn with_refund(clients: &mut Clients) {
    clients.teams(&["billing", "payments"]).await;
    assert_eq!(clients.publish(REFUND).await, 1);
}
