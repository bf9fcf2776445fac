//! One request, from its head to its answer: who may ask, within which limits, for how long.

use std::sync::Arc;

use aftercall_proto::rules::{Rule, rule};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, Request, Response, Version};
use hyper::body::Incoming;
use tonic::body::Body;
use tower::Service as _;

use crate::allowance::Allowance;
use crate::audit::{AuditLog, Event, is_refusal};
use crate::backlog::{Bounded, bounded};
use crate::connection::{Connection, OpenRequest};
use crate::deadline::Deadline;
use crate::door::{Admitted, Door, Until};
use crate::hosts::Hosts;
use crate::library::explained;
use crate::limits::{HEADER_OVERHEAD_BYTES, Limits};
use crate::log_context::LogContext;
use crate::places::Use;
use crate::refusal::Refusal;
use crate::routes::{Routes, ServiceFuture, Web};
use crate::rpc::{Rpc, without_rpc};
use crate::staying::while_allowed;
use crate::upload::Upload;
use crate::{asker, probes};

/// Answers the requests of one server.
pub(crate) struct Answering {
    pub(crate) routes: Arc<Routes>,
    pub(crate) web: Web,
    pub(crate) probes: Router,
    pub(crate) hosts: Hosts,
    pub(crate) door: Door,
    pub(crate) limits: Limits,
    pub(crate) audit: AuditLog,
}

/// What kind of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Grpc,
    Web,
    Probe,
    Page,
}

impl Answering {
    pub(crate) async fn answer(
        &self,
        connection: Arc<Connection>,
        request: Request<Incoming>,
    ) -> Response<Bounded> {
        let mut open = connection.open_request();
        let is_http2 = request.version() == Version::HTTP_2;
        let page = self.page(&request);
        let checked = match page {
            Some(_) => self.hosts.check_names(&request),
            None => self.hosts.check(&request),
        };
        let checked = checked.and_then(|()| self.form(&connection, &request));
        let form = match checked {
            Ok(form) => form,
            Err(refusal) => {
                let context = self.context(&connection, &request);
                self.audit_refusal(context, &refusal);
                let answer = refusal.response(is_http2 && is_grpc(request.headers()));
                return bounded(&connection, open, without_rpc(answer));
            }
        };
        if let (Form::Page, Some(page)) = (form, page) {
            let answer = self.answer_page(&connection, page.clone(), request).await;
            return bounded(&connection, open, without_rpc(answer));
        }
        if form == Form::Probe {
            let answer = self.probe(&connection, request).await;
            return bounded(&connection, open, without_rpc(answer));
        }
        if connection.has_reset() {
            // A request that was reset right after it was sent ends here, before any work is done
            // for it.
            tokio::task::yield_now().await;
        }
        let mut rpc = Rpc::begin(request.uri(), connection.peer, &self.audit);
        let answering = self.answer_rpc(&connection, form, request, &mut open);
        let answered = rpc.context.scope(answering).await;
        let response = answered.unwrap_or_else(|refusal: Refusal| {
            rpc.note_refusal(&refusal);
            refusal.response(form == Form::Grpc)
        });
        bounded(&connection, open, rpc.until_sent(response))
    }

    /// Lets the request in, and calls its service for as long as the client waits.
    async fn answer_rpc(
        &self,
        connection: &Arc<Connection>,
        form: Form,
        request: Request<Incoming>,
        open: &mut OpenRequest,
    ) -> Result<Response<Body>, Refusal> {
        self.check_headers(request.headers())?;
        let rule = rule(request.uri().path());
        let admitted = self.admit(connection, &request, rule).await?;
        if rule.is_some_and(|rule| rule.is_long) {
            open.note_long();
        }
        // Until the service has answered; what is unsent then has limits of its own.
        let allowance = admitted.allowance.clone();
        let _turn = allowance.as_ref().map(Allowance::enter).transpose()?;
        let is_stream = request.uri().path().starts_with(REFLECTION);
        let deadline = Deadline::of(request.headers(), rule, &self.limits);
        let upload = |body| {
            Body::new(Upload::new(
                body,
                Arc::clone(connection),
                &self.limits,
                is_stream,
            ))
        };
        let called = self.call(form, request.map(upload));
        let answering = async {
            connection.unread_below(&self.limits).await?;
            let answered = answered(form, called);
            Ok(asker::scope_of(connection.peer, admitted, answered).await)
        };
        match deadline {
            None => answering.await,
            Some(deadline) => deadline.keep(answering).await,
        }
    }

    /// Checks the headers of a request. The transport reads somewhat more, so that the client sees
    /// the limit.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let bytes_of_each = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD_BYTES);
        let (bytes, limit) = (bytes_of_each.sum(), self.limits.header_bytes_max);
        if bytes <= limit as usize {
            Ok(())
        } else {
            Err(Refusal::HeaderBytes { bytes, limit })
        }
    }

    fn form(&self, connection: &Connection, request: &Request<Incoming>) -> Result<Form, Refusal> {
        if probes::PATHS.contains(&request.uri().path()) {
            return Ok(Form::Probe);
        }
        if connection.for_use == Use::ProbesOnly {
            return Err(Refusal::ProbesOnly);
        }
        if self.page(request).is_some() {
            return Ok(Form::Page);
        }
        let content_type = content_type(request.headers());
        let is_web = content_type.starts_with("application/grpc-web");
        // A preflight request: the browser asks whether the page may use the server.
        let is_preflight = request.method() == Method::OPTIONS;
        if is_web || is_preflight {
            return if self.hosts.origins().is_empty() {
                Err(Refusal::WebIsOff)
            } else {
                Ok(Form::Web)
            };
        }
        let is_grpc = is_grpc(request.headers()) && request.version() == Version::HTTP_2;
        match *request.method() {
            Method::POST if is_grpc => Ok(Form::Grpc),
            Method::POST if is_connect(request.headers()) => Err(Refusal::Connect),
            Method::POST if is_method(request.uri().path()) => Err(Refusal::NotGrpc),
            _ => Err(Refusal::NoSuchPath {
                path: request.uri().path().to_owned(),
            }),
        }
    }

    /// The pages, if the request is for one of them.
    fn page(&self, request: &Request<Incoming>) -> Option<&Router> {
        let is_probe = probes::PATHS.contains(&request.uri().path());
        let is_rpc = content_type(request.headers()).starts_with("application/grpc");
        self.routes.pages().filter(|_| !is_probe && !is_rpc)
    }

    /// Answers a request for a page. Its body has the limits of a message.
    async fn answer_page(
        &self,
        connection: &Arc<Connection>,
        mut pages: Router,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let upload = |body| {
            let upload = Upload::new(body, Arc::clone(connection), &self.limits, false);
            axum::body::Body::new(upload)
        };
        // It is ready at any time: see axum's `Router`.
        match pages.call(request.map(upload)).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    /// Boxed, so that the future of an answer is small: it is moved into its task.
    fn call(&self, form: Form, request: Request<Body>) -> ServiceFuture {
        if form == Form::Grpc {
            self.routes.call(request)
        } else {
            // It is ready at any time, as the services below it are.
            Box::pin(self.web.clone().call(request))
        }
    }

    /// Lets the request in. A browser asks without a proof whether a page may send requests.
    async fn admit(
        &self,
        connection: &Arc<Connection>,
        request: &Request<Incoming>,
        rule: Option<&'static Rule>,
    ) -> Result<Admitted, Refusal> {
        if request.method() == Method::OPTIONS {
            return Ok(Admitted::local(Until::default()));
        }
        let path = request.uri().path();
        self.door
            .admit(connection, request.headers(), path, rule)
            .await
    }

    async fn probe(
        &self,
        connection: &Arc<Connection>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        if request.uri().path() == probes::FIGURES {
            let context = self.context(connection, &request);
            let checked = self.door.check_metrics(connection, request.headers());
            if let Err(refusal) = context.scope(checked).await {
                self.audit_refusal(context, &refusal);
                return refusal.response(false);
            }
        }
        // It is ready at any time: see axum's `Router`.
        match self.probes.clone().call(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }
}

impl Answering {
    /// The context of a request that is no RPC, or not yet one.
    fn context(&self, connection: &Connection, request: &Request<Incoming>) -> LogContext {
        LogContext::new(request.uri(), connection.peer, self.audit.is_on())
    }

    fn audit_refusal(&self, context: LogContext, refusal: &Refusal) {
        let (code, reason) = (refusal.code(), refusal.reason());
        if is_refusal(code, reason) {
            let reason = reason.into();
            self.audit.write(Event::Rpc {
                context,
                code,
                reason,
                count: 1,
            });
        }
    }
}

/// The answer of a service. An answer of gRPC-Web was explained before it was translated.
async fn answered(form: Form, called: ServiceFuture) -> Response<Body> {
    match called.await {
        Ok(response) if form == Form::Grpc => while_allowed(explained(response)),
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The services whose clients send messages for as long as they like.
const REFLECTION: &str = "/grpc.reflection.";

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// `application/grpc`, with or without the name of an encoding or parameters.
fn is_grpc(headers: &HeaderMap) -> bool {
    let rest = content_type(headers).strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// A unary request of the Connect protocol, or one of its streams.
fn is_connect(headers: &HeaderMap) -> bool {
    headers.contains_key("connect-protocol-version")
        || content_type(headers).starts_with("application/connect+")
}

/// Whether the path is one of a gRPC method: `/package.Service/Method`.
fn is_method(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(service, method)| {
        service.contains('.') && !method.is_empty() && !method.contains('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            name.parse().expect("a name"),
            value.parse().expect("a value"),
        )])
    }

    #[test]
    fn a_method_path_names_a_service_with_its_package() {
        for path in [
            "/aftercall.workflow.v1.OperationsService/GetServerInfo",
            "/a.b/C",
        ] {
            assert!(is_method(path), "{path}");
        }
        for path in ["/", "/healthz", "/a/b", "/a.b/", "/a.b/c/d", ""] {
            assert!(!is_method(path), "{path}");
        }
    }

    #[test]
    fn only_grpc_content_types_are_grpc() {
        for grpc in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;v=1",
        ] {
            assert!(is_grpc(&headers("content-type", grpc)), "{grpc}");
        }
        for other in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "text/plain",
            "",
            "application/grpcx",
        ] {
            assert!(!is_grpc(&headers("content-type", other)), "{other}");
        }
    }
}
