//! The workflow of a follow-up as a picture: the path that it has taken, and where it is.

use aftercall_proto::workflow::v1::{PictureFormat, RenderWorkflowRequest};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::layout;
use crate::shared::Shared;
use crate::trouble::Trouble;

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
        Ok(drawn) => layout::picture(drawn),
        Err(trouble) => trouble.answer(&headers, uri.path()),
    }
}
