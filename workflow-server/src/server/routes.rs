//! The gRPC services, on their routes.

use std::sync::Arc;

use aftercall_proto::feed::v1::change_feed_service_server::ChangeFeedServiceServer;
use aftercall_proto::workflow::v1::call_manager_service_server::CallManagerServiceServer;
use aftercall_proto::workflow::v1::operations_service_server::OperationsServiceServer;
use aftercall_proto::workflow::v1::script_engine_service_server::ScriptEngineServiceServer;
use aftercall_proto::workflow::v1::staff_service_server::StaffServiceServer;
use aftercall_proto::workflow::v1::view_service_server::ViewServiceServer;
use aftercall_proto::workflow::v1::workflow_definition_service_server::WorkflowDefinitionServiceServer;
use aftercall_serving::Routes;
use tonic::codec::CompressionEncoding;

use crate::config::WorkflowServerConfig;
use crate::limits::FEED_REQUEST_BYTES_MAX;
use crate::service::{
    CallManager, ChangeFeed, Definitions, Operations, SavedViews, ScriptEngine, Services, Staff,
};

/// The services, by the names that health knows them by.
pub(super) const SERVICES: [&str; 7] = [
    "aftercall.workflow.v1.WorkflowDefinitionService",
    "aftercall.workflow.v1.ScriptEngineService",
    "aftercall.workflow.v1.CallManagerService",
    "aftercall.workflow.v1.OperationsService",
    "aftercall.workflow.v1.StaffService",
    "aftercall.workflow.v1.ViewService",
    "aftercall.feed.v1.ChangeFeedService",
];

/// The sizes of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Bytes of one request of an author.
    import_bytes_max: usize,
    /// Bytes of any other request.
    request_bytes_max: usize,
}

impl Sizes {
    pub(super) fn of(config: &WorkflowServerConfig) -> Self {
        Self {
            import_bytes_max: config.import_bytes_max as usize,
            request_bytes_max: config.limits.request_bytes_max as usize,
        }
    }

    /// Adds the services.
    pub(super) fn add_services(self, routes: Routes, services: &Arc<Services>) -> Routes {
        /// Requests may be compressed; the limit is one of the message as it is after decompression.
        macro_rules! limited {
            ($server:expr, $bytes_max:expr) => {
                $server
                    .max_decoding_message_size($bytes_max)
                    .accept_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Zstd)
            };
        }
        let definitions = WorkflowDefinitionServiceServer::new(Definitions(services.clone()));
        let script_engine = ScriptEngineServiceServer::new(ScriptEngine(services.clone()));
        let call_manager = CallManagerServiceServer::new(CallManager(services.clone()));
        let operations = OperationsServiceServer::new(Operations(services.clone()));
        let staff = StaffServiceServer::new(Staff(services.clone()));
        let views = ViewServiceServer::new(SavedViews(services.clone()));
        let change_feed = ChangeFeedServiceServer::new(ChangeFeed(services.clone()));
        routes
            .add_service(limited!(definitions, self.import_bytes_max))
            .add_service(limited!(script_engine, self.request_bytes_max))
            .add_service(limited!(call_manager, self.request_bytes_max))
            .add_service(limited!(operations, self.request_bytes_max))
            .add_service(limited!(staff, self.request_bytes_max))
            .add_service(limited!(views, self.request_bytes_max))
            .add_service(limited!(change_feed, FEED_REQUEST_BYTES_MAX))
    }
}
