//! The gRPC services of a server, found by their names.
//!
//! A request goes from the transport to its service without a general router in between: the
//! layers of one took a sixth of the server's CPU. gRPC-Web and the probes have their own ways.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response};
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::NamedService;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer as _, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors};

use crate::library::explained;
use crate::refusal::Refusal;
use crate::staying::while_allowed;

/// The answer of a service, as its generated code makes it.
pub type ServiceFuture = BoxFuture<Response<Body>, Infallible>;

/// A service whose clients may call it at the same time.
trait Shared: Send + Sync {
    fn call(&self, request: Request<Body>) -> ServiceFuture;
}

impl<S> Shared for S
where
    S: Service<Request<Body>, Error = Infallible, Future = ServiceFuture> + Clone + Send + Sync,
{
    fn call(&self, request: Request<Body>) -> ServiceFuture {
        // Generated services are ready at any time.
        Service::call(&mut self.clone(), request)
    }
}

/// Services by name.
#[derive(Default)]
pub struct Routes {
    pages: Option<Router>,
    services: HashMap<&'static str, Box<dyn Shared>>,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.services.keys()).finish()
    }
}

impl Routes {
    /// Serves pages for browsers too, at all paths that are no RPC. They see to their own sign-in, and
    /// to requests from other origins.
    #[must_use]
    pub fn with_pages(mut self, pages: Router) -> Self {
        self.pages = Some(pages);
        self
    }

    /// The pages for browsers, if there are any.
    pub(crate) fn pages(&self) -> Option<&Router> {
        self.pages.as_ref()
    }

    /// Adds a service. One with the same name is replaced.
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Self
    where
        S: Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.services.insert(S::NAME, Box::new(service));
        self
    }

    /// Adds a service under this name, which may serve several.
    #[must_use]
    pub fn add_named<S>(mut self, name: &'static str, service: S) -> Self
    where
        S: Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + Clone
            + Send
            + Sync
            + 'static,
    {
        self.services.insert(name, Box::new(service));
        self
    }

    /// Gives the request to the service that the path names. The service begins when its answer is
    /// awaited.
    pub fn call(&self, request: Request<Body>) -> ServiceFuture {
        let path = request.uri().path().strip_prefix('/');
        let service = path.and_then(|path| path.split_once('/'));
        match service.and_then(|(name, _)| self.services.get(name)) {
            Some(service) => service.call(request),
            // Counted as a refusal only if it is awaited.
            None => Box::pin(async { Ok(Refusal::NoSuchMethod.status().into_http()) }),
        }
    }
}

/// The services for pages of browsers: gRPC-Web, with the headers that let pages of `origins` use
/// them.
pub(crate) type Web = Cors<GrpcWebService<OfPages>>;

pub(crate) fn web(routes: &Arc<Routes>, origins: &[HeaderValue]) -> Web {
    let exposed =
        ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
    Cors::new(GrpcWebLayer::new().layer(OfPages(Arc::clone(routes))))
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed)
}

/// The routes as the layers of gRPC-Web call them.
#[derive(Clone, Debug)]
pub(crate) struct OfPages(Arc<Routes>);

impl Service<Request<Body>> for OfPages {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ServiceFuture {
        let answering = self.0.call(request);
        Box::pin(async move { answering.await.map(explained).map(while_allowed) })
    }
}
