//! Drafts built step by step over real gRPC: they are what their files are, what cannot be done
//! says why and changes nothing, and ids and numbers are never given again.

use aftercall_proto::workflow::v1::{
    AddActionRequest, AddActionResponse, CreateWorkflowRequest, ExportWorkflowRequest, FileFormat,
    ImportWorkflowRequest, MoveActionRequest, PublishWorkflowRequest, RemoveActionRequest,
    UpdateActionRequest, WorkflowDescription,
};
use aftercall_tests::{Clients, House, REFUND, reason, with_refund};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn create(name: &str) -> CreateWorkflowRequest {
    let (name, title) = (name.to_owned(), "Built".to_owned());
    CreateWorkflowRequest {
        actor: "author".to_owned(),
        name,
        title,
        ..CreateWorkflowRequest::default()
    }
}

fn add(name: &str, event: &str, action: &str) -> AddActionRequest {
    AddActionRequest {
        actor: "author".to_owned(),
        name: name.to_owned(),
        event_id: event.to_owned(),
        action: action.to_owned(),
        ..AddActionRequest::default()
    }
}

fn update(name: &str, event: &str, place: u32, action: &str) -> UpdateActionRequest {
    let (name, event_id, action) = (name.to_owned(), event.to_owned(), action.to_owned());
    UpdateActionRequest {
        actor: "author".to_owned(),
        name,
        event_id,
        place,
        action,
        ..UpdateActionRequest::default()
    }
}

fn remove(name: &str, event: &str, place: u32) -> RemoveActionRequest {
    let (name, event_id) = (name.to_owned(), event.to_owned());
    RemoveActionRequest {
        actor: "author".to_owned(),
        name,
        event_id,
        place,
        ..RemoveActionRequest::default()
    }
}

fn relocate(
    name: &str,
    (event, place): (&str, u32),
    (to, before): (&str, u32),
) -> MoveActionRequest {
    MoveActionRequest {
        actor: "author".to_owned(),
        name: name.to_owned(),
        event_id: event.to_owned(),
        place,
        to_event_id: to.to_owned(),
        before,
        ..MoveActionRequest::default()
    }
}

async fn added(clients: &mut Clients, request: AddActionRequest) -> AddActionResponse {
    clients
        .definitions
        .add_action(request)
        .await
        .expect("added")
        .into_inner()
}

async fn draft(clients: &mut Clients, name: &str) -> String {
    let (draft, format) = (true, FileFormat::Json.into());
    let request = ExportWorkflowRequest {
        name: name.to_owned(),
        draft,
        format,
        ..ExportWorkflowRequest::default()
    };
    clients
        .definitions
        .export_workflow(request)
        .await
        .expect("a draft")
        .into_inner()
        .file
}

/// The workflows of the examples.
fn workflow_files() -> Vec<String> {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = std::fs::read_dir(examples)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path());
    let yaml = entries.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    let texts = yaml.map(|path| std::fs::read_to_string(path).expect("a text"));
    texts
        .filter(|text| text.contains("\non_new_call:"))
        .collect()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

/// The fields that a refusal names.
fn fields(refused: &Status) -> Vec<String> {
    let bad = refused.get_details_bad_request().expect("the fields");
    bad.field_violations
        .into_iter()
        .map(|one| one.field)
        .collect()
}

/// The actions of a stage as its page has them.
fn shown<'d>(workflow: &'d WorkflowDescription, event: &str) -> Vec<&'d str> {
    let stages = &workflow.stages;
    let stage = stages.iter().find(|one| {
        one.stage
            .as_ref()
            .is_some_and(|stage| stage.event_id == event)
    });
    stage.map_or(Vec::new(), |stage| {
        stage
            .actions
            .iter()
            .map(|action| action.kind.as_str())
            .collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_built_in_steps_equals_its_file() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut count = 0;
    for file in workflow_files() {
        let request = ImportWorkflowRequest {
            file,
            ..ImportWorkflowRequest::default()
        };
        let imported = clients
            .definitions
            .import_workflow(request)
            .await
            .expect("imported")
            .into_inner();
        let name = imported.workflow.expect("it").name;
        let (built, own_name) = (format!("built-{name}"), format!("\"workflow\": \"{name}\""));
        let wanted = draft(&mut clients, &name)
            .await
            .replace(&own_name, &format!("\"workflow\": \"{built}\""));
        let (header, _) = wanted
            .split_once("\"on_new_call\"")
            .expect("its actions come last");
        let request = CreateWorkflowRequest {
            file: format!("{header} \"on_new_call\": []\n}}"),
            ..CreateWorkflowRequest::default()
        };
        clients
            .definitions
            .create_workflow(request)
            .await
            .expect("begun");
        // As values: in this test the order of a form's fields is lost on the way, which is the
        // engine's test.
        let wanted = value(&wanted);
        let mut open = vec![("new-call".to_owned(), wanted["on_new_call"].clone())];
        while let Some((event, actions)) = open.pop() {
            for mut action in actions.as_array().cloned().unwrap_or_default() {
                let then = action
                    .as_object_mut()
                    .expect("an action")
                    .remove("then")
                    .unwrap_or_default();
                let answer = added(&mut clients, add(&built, &event, &action.to_string())).await;
                open.extend(answer.added.map(|stage| (stage.event_id, then)));
                count += 1;
            }
        }
        assert_eq!(value(&draft(&mut clients, &built).await), wanted, "{name}");
    }
    assert!(count > 80, "the samples are found: {count}");
}

/// A stage that is gone keeps its number: a new event has another, the same event has it again.
async fn check_numbers_after_publishing(clients: &mut Clients) {
    let publish = PublishWorkflowRequest {
        name: "built".to_owned(),
        ..PublishWorkflowRequest::default()
    };
    let one = clients
        .definitions
        .publish_workflow(publish.clone())
        .await
        .expect("published")
        .into_inner();
    assert_eq!((one.version, one.created), (1, true));
    let gone = clients
        .definitions
        .remove_action(remove("built", "new-call", 1))
        .await
        .expect("removed")
        .into_inner();
    assert_eq!(gone.workflow.expect("it").stages.len(), 1, "with its event");
    let other = added(clients, add("built", "new-call", "button: Sent back"))
        .await
        .added
        .expect("a stage");
    assert_eq!(other.number, 3, "2 was given");
    clients
        .definitions
        .remove_action(remove("built", "new-call", 2))
        .await
        .expect("removed");
    let back = added(
        clients,
        AddActionRequest {
            before: 1,
            ..add("built", "new-call", "{ button: Paid out, id: paid }")
        },
    );
    assert_eq!(
        back.await.added.expect("a stage").number,
        2,
        "the same event has its number again"
    );
    added(clients, add("built", "paid", "finish: paid")).await;
    let same = clients
        .definitions
        .publish_workflow(publish)
        .await
        .expect("published")
        .into_inner();
    assert_eq!(
        (same.version, same.created),
        (1, false),
        "the same content is the same version"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_shows_the_draft() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let begun = clients
        .definitions
        .create_workflow(create("built"))
        .await
        .expect("begun")
        .into_inner();
    let first = begun.workflow.expect("it");
    assert_eq!(
        (first.title.as_str(), first.stages.len(), first.version),
        ("Built", 1, 0)
    );
    added(
        &mut clients,
        add("built", "new-call", "alert: { text: Pay, team: billing }"),
    )
    .await;
    let answer = added(&mut clients, add("built", "new-call", "button: Paid")).await;
    let stage = answer.added.expect("its event has a stage");
    assert_eq!(
        (stage.number, stage.event_id.as_str(), stage.title.as_str()),
        (2, "paid", "After Paid")
    );
    assert_eq!(
        answer.faults.len(),
        1,
        "nothing ends it yet: {:?}",
        answer.faults
    );
    let request = AddActionRequest {
        request_id: "once".to_owned(),
        ..add("built", "paid", "finish: paid")
    };
    let answer = added(&mut clients, request.clone()).await;
    assert!(answer.faults.is_empty(), "{:?}", answer.faults);
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let again = added(&mut clients, request).await;
    assert_eq!(
        (again.sequence, again.workflow),
        (answer.sequence, answer.workflow),
        "a repetition changes nothing"
    );

    let moved = clients
        .definitions
        .move_action(relocate("built", ("new-call", 2), ("new-call", 1)))
        .await;
    assert_eq!(
        shown(
            &moved.expect("moved").into_inner().workflow.expect("it"),
            "new-call"
        ),
        ["button", "alert"]
    );
    let updated = clients
        .definitions
        .update_action(update("built", "new-call", 1, "button: Paid out"))
        .await;
    let updated = updated.expect("updated").into_inner().workflow.expect("it");
    let stage = updated.stages[1].stage.as_ref().expect("its stage");
    assert_eq!(
        (stage.number, stage.event_id.as_str(), stage.title.as_str()),
        (2, "paid", "After Paid out")
    );

    check_numbers_after_publishing(&mut clients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_step_changes_nothing() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let definitions = &mut clients.definitions;
    let taken = definitions
        .create_workflow(create("refund"))
        .await
        .expect_err("it is there");
    assert_eq!(
        (taken.code(), reason(&taken).as_str()),
        (Code::AlreadyExists, "NAME_TAKEN")
    );
    let bad = definitions
        .create_workflow(create("Not A Name"))
        .await
        .expect_err("no name");
    assert_eq!(fields(&bad), ["name"]);
    let whole = CreateWorkflowRequest {
        file: REFUND.replace("refund", "other"),
        ..CreateWorkflowRequest::default()
    };
    let whole = definitions
        .create_workflow(whole)
        .await
        .expect_err("it has actions");
    assert_eq!(whole.code(), Code::InvalidArgument);
    let faulty = definitions
        .add_action(add("refund", "new-call", "{ buton: Go }"))
        .await
        .expect_err("no action");
    assert_eq!(fields(&faulty), ["action:1:3"], "{faulty:?}");
    let refused = [
        definitions
            .add_action(add("none", "new-call", "finish: x"))
            .await
            .err(),
        definitions
            .add_action(add("refund", "none", "finish: x"))
            .await
            .err(),
        definitions
            .update_action(update("refund", "new-call", 99, "finish: x"))
            .await
            .err(),
        definitions
            .update_action(update("refund", "new-call", 2, "finish: x"))
            .await
            .err(),
        definitions
            .move_action(relocate("refund", ("new-call", 2), ("approve", 0)))
            .await
            .err(),
        definitions
            .add_action(AddActionRequest {
                expected_revision: Some(77),
                ..add("refund", "new-call", "button: Go")
            })
            .await
            .err(),
    ];
    let refusals: Vec<(Code, String)> = refused
        .iter()
        .flatten()
        .map(|status| (status.code(), reason(status)))
        .collect();
    let refusals: Vec<(Code, &str)> = refusals
        .iter()
        .map(|(code, reason)| (*code, reason.as_str()))
        .collect();
    let wanted = [
        (Code::NotFound, "NO_SUCH_WORKFLOW"),
        (Code::NotFound, "NO_SUCH_EVENT"),
        (Code::NotFound, "NO_SUCH_ACTION"),
        (Code::FailedPrecondition, "OTHER_KIND"),
        (Code::FailedPrecondition, "INTO_ITSELF"),
        (Code::Aborted, "OTHER_REVISION"),
    ];
    assert_eq!(refusals, wanted);
    let (name, draft) = ("refund".to_owned(), true);
    let request = ExportWorkflowRequest {
        name,
        draft,
        ..ExportWorkflowRequest::default()
    };
    let none = definitions
        .export_workflow(request)
        .await
        .expect_err("no draft was begun");
    assert_eq!(reason(&none), "NO_SUCH_DRAFT");
}

const COMMENTED: &str = "# What it is for.
format: 1
workflow: commented
title: Commented  # for people
on_new_call:
  - alert: { text: Call, team: billing }
  - button: Done
    then: [ finish: done ]
";

#[tokio::test(flavor = "multi_thread")]
async fn an_export_keeps_comments_until_a_step() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(COMMENTED).await;
    let definitions = clients.definitions.clone();
    let exported = |draft: bool| {
        let request = ExportWorkflowRequest {
            name: "commented".to_owned(),
            draft,
            ..ExportWorkflowRequest::default()
        };
        let mut definitions = definitions.clone();
        async move {
            definitions
                .export_workflow(request)
                .await
                .expect("a file")
                .into_inner()
                .file
        }
    };
    let file = exported(false).await;
    assert!(
        file.starts_with("# What it is for.\n") && file.contains("Commented  # for people"),
        "{file}"
    );
    assert!(file.contains("stage: 2"), "{file}");
    // The same with another comment is no new version, but its comments are the newer ones.
    assert_eq!(
        clients
            .publish(&COMMENTED.replace("for people", "for everybody"))
            .await,
        1
    );
    assert!(exported(false).await.contains("# for everybody"));
    added(
        &mut clients.clone(),
        add(
            "commented",
            "new-call",
            "alert: { text: Look, team: payments }",
        ),
    )
    .await;
    let draft = exported(true).await;
    assert!(
        !draft.contains('#') && draft.contains("text: Look"),
        "{draft}"
    );
}
