//! The workflow of a follow-up as a picture: the path that it has taken, and where it is.

use aftercall_proto::workflow::v1::{PictureFormat, RenderWorkflowRequest};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};

use crate::shared::Shared;
use crate::trouble::Trouble;

/// A picture loads and runs nothing, also where somebody opens it alone.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// `GET /f/ID/picture`.
pub(crate) async fn picture(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let drawn = async {
        let person = shared.people.of_request(&headers).await?;
        let request = RenderWorkflowRequest {
            instance_id: id,
            format: PictureFormat::Svg.into(),
            ..RenderWorkflowRequest::default()
        };
        let drawn = person.definitions().render_workflow(request).await?;
        Ok(drawn.into_inner().picture)
    };
    let drawn: Result<String, Trouble> = drawn.await;
    match drawn {
        Ok(picture) => {
            let kind = HeaderValue::from_static("image/svg+xml; charset=utf-8");
            let cache = HeaderValue::from_static("no-store");
            let headers = [
                (CONTENT_TYPE, kind),
                (CACHE_CONTROL, cache),
                (CONTENT_SECURITY_POLICY, POLICY),
            ];
            (headers, picture).into_response()
        }
        Err(trouble) => trouble.answer(&headers, uri.path()),
    }
}
