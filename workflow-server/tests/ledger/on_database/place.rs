//! A database with a store, in which a test can end terms, and which notes the begun terms.

use aftercall_test_postgres::Server;
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

/// Ends the term of the leader within the write that leaves none. Other writes of that term are then
/// refused. Also notes where each term begins.
const TRIGGERS: &str = "
CREATE TABLE public.writes_left (count bigint NOT NULL);
INSERT INTO public.writes_left VALUES (-1);
CREATE TABLE public.begun (term bigint NOT NULL, newest bigint NOT NULL);

CREATE FUNCTION public.end_term() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE remaining bigint;
BEGIN
    UPDATE public.writes_left SET count = count - 1 WHERE count > 0 RETURNING count INTO remaining;
    IF remaining = 0 THEN
        UPDATE aftercall.leadership SET term = term + 1, mark = 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER end_term AFTER INSERT ON aftercall.log FOR EACH ROW EXECUTE FUNCTION public.end_term();
CREATE TRIGGER end_term AFTER INSERT OR UPDATE ON aftercall.blob FOR EACH ROW EXECUTE FUNCTION public.end_term();
CREATE TRIGGER end_term AFTER INSERT ON aftercall.blob_frame FOR EACH ROW EXECUTE FUNCTION public.end_term();

CREATE FUNCTION public.note_term() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.begun SELECT NEW.term, coalesce(max(last), 0) FROM aftercall.log;
    RETURN NULL;
END $$;
CREATE TRIGGER note_term AFTER UPDATE OF term ON aftercall.leadership FOR EACH ROW EXECUTE FUNCTION public.note_term();
";

/// The groups of a term that were written after a newer term had begun.
const VIOLATIONS: &str = "
SELECT format('entry %s of term %s, after term %s began', log.first, log.term, begun.term)
FROM aftercall.log AS log, public.begun AS begun
WHERE begun.term > log.term AND log.first > begun.newest";

/// A database with a new store.
pub(super) struct Place<'a> {
    server: &'a Server,
    name: String,
}

impl Place<'static> {
    /// On the server that all tests share.
    pub(super) async fn new() -> Self {
        Self::on(Server::shared()).await
    }
}

impl<'a> Place<'a> {
    pub(super) async fn on(server: &'a Server) -> Self {
        let name = server.create_database();
        let place = Self { server, name };
        let birth = Birth {
            epoch: "0".repeat(32),
            hash_key: [7; 16],
            created_at_millis: 0,
        };
        let created = PostgresStore::create(&place.address(place.port()), &birth).await;
        drop(created.unwrap());
        place.sql(TRIGGERS);
        place
    }

    /// The port of the database.
    pub(super) fn port(&self) -> u16 {
        self.server.port()
    }

    /// The address through this port.
    pub(super) fn address(&self, port: u16) -> Address {
        let url = Server::url_at(port, &self.name);
        Address::parse(&url, &Surroundings::default()).unwrap()
    }

    pub(super) fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.name, statements)
    }

    /// The newest sequence in the log.
    pub(super) fn newest(&self) -> u64 {
        let newest = self.sql("SELECT coalesce(max(last), 0) FROM aftercall.log");
        newest.parse().unwrap()
    }

    /// Ends the term of the leader within the last of this many more writes.
    pub(super) fn end_term_within(&self, writes: u64) {
        self.sql(&format!("UPDATE public.writes_left SET count = {writes}"));
    }

    /// Whether the term has not ended yet that was to end.
    pub(super) fn is_term_left(&self) -> bool {
        self.sql("SELECT count > 0 FROM public.writes_left") == "t"
    }

    /// What an older term has written although a newer one had begun.
    pub(super) fn violations(&self) -> Vec<String> {
        self.sql(VIOLATIONS).lines().map(str::to_owned).collect()
    }
}
