//! Versions of a workflow: pictures of them, what differs between them, and taking one out of use.

use aftercall_proto::workflow::v1::{
    ArchiveWorkflowRequest, DiffVersionsRequest, ImportWorkflowRequest, ListWorkflowsRequest,
    PictureFormat, PublishWorkflowRequest, RenderWorkflowRequest,
};
use aftercall_tests::{Clients, House, number, push, reason, text};
use tonic::Code;

use crate::{CLAIM, set, with_claim};

/// A draft with as many stages and paths as a picture may have, many of which cross.
fn tangle() -> String {
    let mut file =
        "format: 1\nworkflow: tangle\ntitle: Tangle\nfields: { n: { type: number } }\non_new_call:\n".to_owned();
    file += "  - alert: { text: Look, team: billing }\n";
    for outer in 0..11 {
        file += &format!(
            "  - button: B{outer}\n    then:\n      - alert: {{ text: Look, team: billing }}\n"
        );
        for inner in 0..12 {
            file += &format!(
                "      - button: B{outer} {inner}\n        id: b{outer}-{inner}\n        then:\n"
            );
            let (to, place) = (
                (inner * 5 + outer * 7 + 1) % 12,
                (outer * 5 + inner + 1) % 11,
            );
            file += &format!(
                "          - link: {{ to: b{place}-{to}, when: \"fields.n < {inner}\" }}\n"
            );
            file += "          - finish: done\n";
        }
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_picture_is_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing"]).await;
    let import = ImportWorkflowRequest {
        actor: "Una".to_owned(),
        file: tangle(),
        ..ImportWorkflowRequest::default()
    };
    clients
        .definitions
        .import_workflow(import)
        .await
        .expect("imported");
    let picture = |format: PictureFormat| RenderWorkflowRequest {
        name: "tangle".to_owned(),
        draft: true,
        format: format.into(),
        ..RenderWorkflowRequest::default()
    };
    let refused = clients
        .definitions
        .render_workflow(picture(PictureFormat::Svg))
        .await
        .expect_err("too large");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "PICTURE_TOO_LARGE")
    );
    let drawn = clients
        .definitions
        .render_workflow(picture(PictureFormat::Mermaid))
        .await
        .expect("drawn");
    assert!(drawn.into_inner().picture.contains("B10 11"));
}

/// Pictures of the claim, whose instance is in stage 2.
async fn check_pictures(clients: &mut Clients, instance_id: &str) {
    let picture = |format: PictureFormat, instance_id: &str, name: &str| RenderWorkflowRequest {
        name: name.to_owned(),
        format: format.into(),
        instance_id: instance_id.to_owned(),
        ..RenderWorkflowRequest::default()
    };
    let request = picture(PictureFormat::Text, instance_id, "");
    let tree = clients
        .definitions
        .render_workflow(request)
        .await
        .expect("drawn")
        .into_inner()
        .picture;
    assert!(
        tree.contains("1 New call   (was here)") && tree.contains("2 After Look   <== it is here"),
        "{tree}"
    );
    let named = |name: &str, version, draft| RenderWorkflowRequest {
        version,
        draft,
        ..picture(PictureFormat::Text, instance_id, name)
    };
    let same = clients
        .definitions
        .render_workflow(named("claim", 1, false))
        .await
        .expect("drawn")
        .into_inner()
        .picture;
    assert_eq!(same, tree);
    for other in [
        named("refund", 0, false),
        named("claim", 2, false),
        named("claim", 0, true),
    ] {
        assert_eq!(
            clients
                .definitions
                .render_workflow(other)
                .await
                .expect_err("other")
                .code(),
            Code::InvalidArgument
        );
    }
    let request = picture(PictureFormat::Svg, "", "claim");
    let drawn = clients
        .definitions
        .render_workflow(request)
        .await
        .expect("drawn")
        .into_inner()
        .picture;
    assert!(
        drawn.starts_with("<svg")
            && drawn.contains("Check")
            && !drawn.contains("class=\"box present\""),
        "{drawn}"
    );
    let request = picture(PictureFormat::Mermaid, "ffffff-0-0000", "");
    assert_eq!(
        clients
            .definitions
            .render_workflow(request)
            .await
            .expect_err("none")
            .code(),
        Code::NotFound
    );
}

/// The claim is taken out of use, survives a restart so, and comes back.
async fn check_taking_out_of_use(house: &mut House, clients: &mut Clients) {
    let archive = |restore| ArchiveWorkflowRequest {
        name: "claim".to_owned(),
        restore,
        ..Default::default()
    };
    let archived = clients
        .definitions
        .archive_workflow(archive(false))
        .await
        .expect("archived")
        .into_inner();
    assert_eq!(
        (
            archived.open_instances,
            archived.workflow.expect("it").archived
        ),
        (1, true)
    );
    let again = PublishWorkflowRequest {
        name: "claim".to_owned(),
        actor: "author".to_owned(),
        ..Default::default()
    };
    assert!(
        clients
            .definitions
            .publish_workflow(again)
            .await
            .expect("it is there")
            .into_inner()
            .archived
    );
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let refused = set(&mut clients, "2", &[("price", number(50.0))])
        .await
        .expect_err("out of use");
    assert_eq!(reason(&refused), "WORKFLOW_ARCHIVED");
    set(&mut clients, "1", &[("price", number(60.0))])
        .await
        .expect("what runs is found");
    let all = |include_archived| ListWorkflowsRequest {
        include_archived,
        ..ListWorkflowsRequest::default()
    };
    let listed = clients
        .definitions
        .list_workflows(all(false))
        .await
        .expect("a list")
        .into_inner()
        .workflows;
    assert!(listed.iter().all(|workflow| workflow.name != "claim") && !listed.is_empty());
    assert_eq!(
        clients
            .definitions
            .list_workflows(all(true))
            .await
            .expect("a list")
            .into_inner()
            .workflows
            .len(),
        2
    );
    clients
        .definitions
        .archive_workflow(archive(true))
        .await
        .expect("restored");
    set(&mut clients, "2", &[("price", number(50.0))])
        .await
        .expect("set again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_names_changes_and_counts_open_work() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let open = set(&mut clients, "1", &[("price", number(500.0))])
        .await
        .expect("set");
    let mut look = push(&open, "look", "Ben");
    look.form = [("reference".to_owned(), text("TX-9"))].into();
    clients.manager.push_button(look).await.expect("pushed");
    let without = CLAIM
        .replace("button: Look", "button: Check")
        .replace("due: 2wd", "due: 1wd");
    assert_eq!(clients.publish(&without).await, 2);
    let request = DiffVersionsRequest {
        name: "claim".to_owned(),
        ..DiffVersionsRequest::default()
    };
    let diff = clients
        .definitions
        .diff_versions(request)
        .await
        .expect("compared")
        .into_inner();
    assert_eq!((diff.from_version, diff.to_version), (1, 2));
    assert!(
        diff.differences
            .iter()
            .any(|one| one.contains("due in 2wd") && one.contains("due in 1wd")),
        "{diff:?}"
    );
    assert!(
        diff.differences
            .contains(&"stage 2 \"After Look\" is gone".to_owned()),
        "{diff:?}"
    );
    let gone: Vec<(u32, u64)> = diff
        .vanished
        .iter()
        .map(|gone| {
            (
                gone.stage.clone().unwrap_or_default().number,
                gone.open_instances,
            )
        })
        .collect();
    assert_eq!(gone, [(2, 1)]);
    let again = PublishWorkflowRequest {
        name: "claim".to_owned(),
        actor: "author".to_owned(),
        ..Default::default()
    };
    let faults = clients
        .definitions
        .publish_workflow(again)
        .await
        .expect("it is there")
        .into_inner()
        .faults;
    assert_eq!(
        faults
            .iter()
            .map(|fault| fault.code.as_str())
            .collect::<Vec<_>>(),
        ["INSTANCES_STAND_THERE"]
    );

    check_pictures(&mut clients, &open.instance_id).await;

    check_taking_out_of_use(&mut house, &mut clients).await;
}
