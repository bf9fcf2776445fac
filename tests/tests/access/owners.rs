//! To whom request ids, claims and undo windows belong: to an identity, not to its name.

use std::path::{Path, PathBuf};

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::{
    Actor, AddNoteRequest, BatchWork, ClaimFollowUpRequest, ClaimWork, GetBatchRequest,
    ListBatchesRequest, ListHistoryRequest, PushButtonRequest, ReleaseClaimRequest,
    StartBatchRequest, StopBatchRequest, UndoPushRequest,
};
use aftercall_tests::{House, Issuer, push, set, with_refund};
use serde_json::{Value, json};
use tonic::Status;
use tonic::transport::Channel;

use crate::{Tokens, channel, reason, with};

const SSO: &str = "https://sso.example.com";

/// An access file that trusts the issuer, with further lines.
fn access(tokens: &Tokens, issuer: &Issuer, lines: &str) -> PathBuf {
    let folder = tokens.path.parent().expect("a folder");
    let keys = folder.join("keys.json");
    std::fs::write(&keys, issuer.keys()).expect("written");
    let path = folder.join("access.toml");
    let text = format!(
        "[[issuer]]\nissuer = {SSO:?}\naudiences = [\"aftercall\"]\nkeys_file = {keys:?}\n{lines}"
    );
    std::fs::write(&path, text).expect("written");
    path
}

fn ann() -> Value {
    json!({ "preferred_username": "ann", "roles": ["agent", "supervisor"] })
}

/// A house with a follow-up in which people have to prove who they are from now on.
async fn guarded(tokens: &Tokens, access: &Path) -> (House, String) {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    house.stop_workflow().await;
    house.guard_workflow(&tokens.path);
    house.trust_issuers(access);
    house.start_workflow().await;
    (house, id)
}

/// A person at a Call Manager.
struct Desk {
    client: CallManagerServiceClient<Channel>,
    header: String,
    id: String,
}

impl Desk {
    async fn of(house: &House, header: &str, id: &str) -> Self {
        let channel = channel(house.workflow_address()).await;
        Self {
            client: CallManagerServiceClient::new(channel),
            header: header.to_owned(),
            id: id.to_owned(),
        }
    }

    async fn claim(&mut self) -> Result<(), Status> {
        let claim = ClaimFollowUpRequest {
            instance_id: self.id.clone(),
            ..ClaimFollowUpRequest::default()
        };
        let asked = self.client.claim_follow_up(with(&self.header, claim)).await;
        asked.map(drop)
    }

    async fn release(&mut self) -> Result<(), Status> {
        let release = ReleaseClaimRequest {
            instance_id: self.id.clone(),
            ..ReleaseClaimRequest::default()
        };
        let asked = self.client.release_claim(with(&self.header, release)).await;
        asked.map(drop)
    }

    /// Adds a note by the same request id as everybody. Returns its sequence.
    async fn note(&mut self) -> Result<u64, Status> {
        let note = AddNoteRequest {
            request_id: "note-1".to_owned(),
            instance_id: self.id.clone(),
            text: "called".to_owned(),
            ..AddNoteRequest::default()
        };
        let asked = self.client.add_note(with(&self.header, note)).await?;
        Ok(asked.into_inner().sequence)
    }

    async fn undo(&mut self) -> Result<(), Status> {
        let undo = UndoPushRequest {
            instance_id: self.id.clone(),
            ..UndoPushRequest::default()
        };
        let asked = self.client.undo_push(with(&self.header, undo)).await;
        asked.map(drop)
    }

    async fn push(&mut self, push: PushButtonRequest) -> Result<(), Status> {
        let asked = self.client.push_button(with(&self.header, push)).await;
        asked.map(drop)
    }
}

/// Who changed the follow-up, oldest first.
async fn actors(house: &House, header: &str, id: &str) -> Vec<Actor> {
    let history = ListHistoryRequest {
        instance_id: id.to_owned(),
        ..ListHistoryRequest::default()
    };
    let mut operations = operations(house).await;
    let listed = operations.list_history(with(header, history)).await;
    let items = listed.expect("listed").into_inner().items;
    items.into_iter().filter_map(|item| item.actor).collect()
}

async fn operations(house: &House) -> OperationsServiceClient<Channel> {
    OperationsServiceClient::new(channel(house.workflow_address()).await)
}

fn refused<T: std::fmt::Debug>(asked: Result<T, Status>) -> String {
    reason(&asked.expect_err("it belongs to somebody else"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_identities_of_one_name_own_nothing_together() {
    let (tokens, issuer) = (Tokens::new(), Issuer::create(SSO));
    let by_token = tokens.add("ann", &[Role::Agent, Role::Supervisor], None);
    let by_issuer = format!("Bearer {}", issuer.token("u-1", &ann()));
    let (house, id) = guarded(&tokens, &access(&tokens, &issuer, "")).await;
    let mut one = Desk::of(&house, &by_token, &id).await;
    let mut other = Desk::of(&house, &by_issuer, &id).await;
    one.claim().await.expect("claimed");
    assert_eq!(refused(other.claim().await), "CLAIMED_BY_ANOTHER");
    assert_eq!(refused(other.release().await), "CLAIMED_BY_ANOTHER");
    one.release().await.expect("released");
    let first = one.note().await.expect("noted");
    assert_ne!(
        other.note().await.expect("noted"),
        first,
        "a request of its own"
    );
    assert_eq!(
        one.note().await.expect("noted"),
        first,
        "the control: a repetition"
    );
    let get = aftercall_proto::workflow::v1::GetFollowUpRequest {
        instance_id: id.clone(),
        ..Default::default()
    };
    let got = one.client.get_follow_up(with(&by_token, get)).await;
    let follow_up = got.expect("found").into_inner().follow_up.expect("one");
    let button = follow_up.buttons.first().expect("a button").id.clone();
    one.push(push(&follow_up, &button, ""))
        .await
        .expect("pushed");
    assert_eq!(refused(other.undo().await), "PUSHED_BY_ANOTHER");
    one.undo().await.expect("undone");
    let actors = actors(&house, &by_token, &id).await;
    let mut shown: Vec<_> = actors
        .into_iter()
        .filter(|actor| actor.name == "ann")
        .map(|actor| actor.subject)
        .collect();
    shown.sort();
    shown.dedup();
    assert_eq!(shown, ["ann".to_owned(), format!("{SSO}#u-1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_subject_keeps_what_its_token_has_begun() {
    let (tokens, issuer) = (Tokens::new(), Issuer::create(SSO));
    let by_token = tokens.add("ann", &[Role::Agent], None);
    let by_issuer = format!("Bearer {}", issuer.token("u-1", &ann()));
    let same = access(&tokens, &issuer, "subjects = { u-1 = \"ann\" }\n");
    let (house, id) = guarded(&tokens, &same).await;
    let mut before = Desk::of(&house, &by_token, &id).await;
    let mut after = Desk::of(&house, &by_issuer, &id).await;
    before.claim().await.expect("claimed");
    let first = before.note().await.expect("noted");
    assert_eq!(
        after.note().await.expect("noted"),
        first,
        "the same request"
    );
    after.release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_an_older_store_belong_to_their_names() {
    let (tokens, issuer) = (Tokens::new(), Issuer::create(SSO));
    let by_token = tokens.add("ann", &[Role::Agent], None);
    let ben = tokens.add("ben", &[Role::Agent], None);
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let claim = ClaimFollowUpRequest {
        actor: "ann".to_owned(),
        instance_id: id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    clients
        .manager
        .claim_follow_up(claim)
        .await
        .expect("claimed");
    house.stop_workflow().await;
    house.guard_workflow(&tokens.path);
    house.trust_issuers(&access(&tokens, &issuer, ""));
    house.start_workflow().await;
    let mut other = Desk::of(&house, &ben, &id).await;
    assert_eq!(refused(other.release().await), "CLAIMED_BY_ANOTHER");
    let mut ann = Desk::of(&house, &by_token, &id).await;
    ann.release().await.expect("it is hers");
    let actors = actors(&house, &by_token, &id).await;
    let shown: Vec<_> = actors
        .iter()
        .map(|actor| (actor.name.as_str(), actor.subject.as_str()))
        .collect();
    // What was written before shows the name that it had, and no identity.
    assert_eq!(shown, [("script-1", ""), ("ann", ""), ("ann", "ann")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_belongs_to_an_identity_and_not_its_name() {
    let (tokens, issuer) = (Tokens::new(), Issuer::create(SSO));
    let by_token = tokens.add("ann", &[Role::Agent], None);
    let agent = json!({ "preferred_username": "ann", "roles": ["agent"] });
    let by_issuer = format!("Bearer {}", issuer.token("u-1", &agent));
    let (house, id) = guarded(&tokens, &access(&tokens, &issuer, "")).await;
    let mut operations = operations(&house).await;
    let start = StartBatchRequest {
        request_id: "batch-1".to_owned(),
        work: Some(BatchWork {
            kind: Some(Kind::Claim(ClaimWork::default())),
        }),
        instance_ids: vec![id],
        ..StartBatchRequest::default()
    };
    let mut started = Vec::new();
    for header in [&by_token, &by_issuer, &by_token] {
        let answer = operations.start_batch(with(header, start.clone())).await;
        started.push(answer.expect("started").into_inner().batch.expect("one").id);
    }
    let [own, other, again] = started[..] else {
        panic!("three answers");
    };
    assert_ne!(own, other, "the same request id of another identity");
    assert_eq!(own, again, "the control: a repetition");
    for (header, batch_id, not_own) in [(&by_token, own, other), (&by_issuer, other, own)] {
        let get = |batch_id| with(header, GetBatchRequest { batch_id });
        operations.get_batch(get(batch_id)).await.expect("its own");
        assert_eq!(
            refused(operations.get_batch(get(not_own)).await),
            "NO_SUCH_BATCH"
        );
        let stop = StopBatchRequest {
            batch_id: not_own,
            reason: "not mine".to_owned(),
            ..StopBatchRequest::default()
        };
        let stopped = operations.stop_batch(with(header, stop)).await;
        assert_eq!(refused(stopped), "NO_SUCH_BATCH");
        let listed = operations
            .list_batches(with(header, ListBatchesRequest {}))
            .await;
        let listed = listed.expect("listed").into_inner().batches;
        let ids: Vec<_> = listed.iter().map(|batch| batch.id).collect();
        assert_eq!(ids, [batch_id]);
    }
}
