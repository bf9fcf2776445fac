//! Clients of every service, as any other program would make them.

use std::net::SocketAddr;

use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::feed::v1::change_feed_service_client::ChangeFeedServiceClient;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::staff_service_client::StaffServiceClient;
use aftercall_proto::workflow::v1::view_service_client::ViewServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{
    ImportTeamRequest, ImportWorkflowRequest, PublishWorkflowRequest,
};
use tonic::transport::{Channel, Endpoint};

/// Clients of all services.
#[derive(Clone)]
pub struct Clients {
    /// For authors.
    pub definitions: WorkflowDefinitionServiceClient<Channel>,
    /// For scripts.
    pub scripts: ScriptEngineServiceClient<Channel>,
    /// For people.
    pub manager: CallManagerServiceClient<Channel>,
    /// For the people who follow up.
    pub staff: StaffServiceClient<Channel>,
    /// For saved views.
    pub views: ViewServiceClient<Channel>,
    /// For ops.
    pub operations: OperationsServiceClient<Channel>,
    /// For alerters.
    pub feed: ChangeFeedServiceClient<Channel>,
    /// The stream of alerts; leads to the workflow-server where there is no alerter, and is
    /// refused there.
    pub alerts: AlertServiceClient<Channel>,
}

impl Clients {
    /// Connects to both servers; each reconnects automatically.
    pub async fn connect(workflow: SocketAddr, alerter: Option<SocketAddr>) -> Self {
        let channel = |address: SocketAddr| {
            Endpoint::from_shared(format!("http://{address}"))
                .expect("an address is a URL")
                .connect_lazy()
        };
        let to_workflow = channel(workflow);
        Self {
            definitions: WorkflowDefinitionServiceClient::new(to_workflow.clone()),
            scripts: ScriptEngineServiceClient::new(to_workflow.clone()),
            manager: CallManagerServiceClient::new(to_workflow.clone()),
            staff: StaffServiceClient::new(to_workflow.clone()),
            views: ViewServiceClient::new(to_workflow.clone()),
            operations: OperationsServiceClient::new(to_workflow.clone()),
            feed: ChangeFeedServiceClient::new(to_workflow),
            alerts: AlertServiceClient::new(channel(alerter.unwrap_or(workflow))),
        }
    }

    /// Declares teams.
    pub async fn teams(&mut self, names: &[&str]) {
        for name in names {
            let team = ImportTeamRequest {
                name: (*name).to_owned(),
                title: format!("Team {name}"),
                actor: "author".to_owned(),
                ..ImportTeamRequest::default()
            };
            self.definitions
                .import_team(team)
                .await
                .expect("a team is declared");
        }
    }

    /// Imports and publishes a definition file; returns the version.
    pub async fn publish(&mut self, file: &str) -> u32 {
        let import = ImportWorkflowRequest {
            file: file.to_owned(),
            actor: "author".to_owned(),
            ..ImportWorkflowRequest::default()
        };
        let imported = self
            .definitions
            .import_workflow(import)
            .await
            .expect("the file is imported")
            .into_inner();
        let name = imported.workflow.expect("the draft is in the answer").name;
        let publish = PublishWorkflowRequest {
            name,
            actor: "author".to_owned(),
            ..PublishWorkflowRequest::default()
        };
        self.definitions
            .publish_workflow(publish)
            .await
            .expect("the draft is published")
            .into_inner()
            .version
    }
}
