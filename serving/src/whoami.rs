//! `IdentityService`: what a server knows of its caller. Both servers have it.

use aftercall_proto::access::v1::identity_service_server::{
    IdentityService, IdentityServiceServer,
};
use aftercall_proto::access::v1::{GetIdentityRequest, GetIdentityResponse};
use tonic::{Request, Response, Status};

use crate::asked::Asked;
use crate::routes::Routes;

/// Its name, for reflection.
pub(crate) const NAME: &str = "aftercall.access.v1.IdentityService";

/// Bytes of a request: it has no field.
const REQUEST_BYTES_MAX: usize = 1024;

struct Identities;

#[tonic::async_trait]
impl IdentityService for Identities {
    async fn get_identity(
        &self,
        request: Request<GetIdentityRequest>,
    ) -> Result<Response<GetIdentityResponse>, Status> {
        let asked = Asked::new(request)?;
        let identity = Some(asked.caller.identity().into());
        Ok(Response::new(GetIdentityResponse { identity }))
    }
}

/// Adds the service.
pub(crate) fn add(routes: Routes) -> Routes {
    let service = IdentityServiceServer::new(Identities);
    routes.add_service(service.max_decoding_message_size(REQUEST_BYTES_MAX))
}
