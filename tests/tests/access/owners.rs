//! To whom request ids, claims and undo windows belong: to an identity, not to its name.

use std::path::{Path, PathBuf};

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, ClaimFollowUpRequest, ListHistoryRequest, PushButtonRequest,
    ReleaseClaimRequest, UndoPushRequest,
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
    let history = ListHistoryRequest {
        instance_id: id,
        ..ListHistoryRequest::default()
    };
    let mut operations = OperationsServiceClient::new(channel(house.workflow_address()).await);
    let listed = operations.list_history(with(&by_token, history)).await;
    let items = listed.expect("listed").into_inner().items;
    let actors = items.into_iter().filter_map(|item| item.actor);
    let mut shown: Vec<_> = actors
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
}
