//! The address by which a browser says which follow-up its person looks at.

use std::time::Instant;

use aftercall_proto::workflow::v1::GetFollowUpRequest;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use crate::shared::Shared;
use crate::trouble::Trouble;

/// `POST /f/ID/looking`: the names of the others who look at it.
pub(crate) async fn looking(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let looked = async {
        let person = shared.people.of_request(&headers).await?;
        // Only people who may see it know who looks at it.
        let request = GetFollowUpRequest {
            instance_id: id.clone(),
            read_mask: Some(prost_types::FieldMask {
                paths: vec!["revision".to_owned()],
            }),
        };
        person.desk().get_follow_up(request).await?;
        let others = shared.looking.look(&id, &person.name, Instant::now());
        Ok(others.join(", ").into_response())
    };
    let looked: Result<Response, Trouble> = looked.await;
    looked.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}
