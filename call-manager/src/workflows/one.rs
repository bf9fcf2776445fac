//! One workflow: its versions, what a version does, and what differs between two.

use std::collections::BTreeMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    DiffVersionsRequest, DiffVersionsResponse, ExportWorkflowRequest, FieldDeclaration, FileFormat,
    GetWorkflowRequest, ListVersionsRequest, PictureFormat, RenderWorkflowRequest, VersionSummary,
    WorkflowDescription, WorkflowSummary,
};
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::frame::{Frame, Here};
use crate::layout::{self, html};
use crate::people::Person;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words::workflows::WorkflowsWords;
use crate::workflows::summaries::{named, open_instances, state};

/// What of a workflow is meant: its newest version, another one, or its draft.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// A number, `draft`, or nothing for the newest.
    version: String,
    /// Of a file: `json`, or nothing for YAML.
    format: String,
    /// What has just been done.
    done: String,
}

impl Asked {
    /// The number of the version, and whether the draft is meant.
    fn version(&self) -> Result<(u32, bool), Trouble> {
        version(&self.version)
    }
}

/// Reads the version in an address.
pub(crate) fn version(text: &str) -> Result<(u32, bool), Trouble> {
    match text {
        "" => Ok((0, false)),
        "draft" => Ok((0, true)),
        number => match number.parse() {
            Ok(number) => Ok((number, false)),
            Err(_) => Err(Trouble::NotFound),
        },
    }
}

/// A version as addresses have it.
fn version_name(version: u32) -> String {
    match version {
        0 => "draft".to_owned(),
        version => version.to_string(),
    }
}

#[derive(Template)]
#[template(path = "workflows/one.html")]
struct One<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    may_try: bool,
    summary: WorkflowSummary,
    versions: Vec<VersionSummary>,
    open: BTreeMap<u32, u64>,
    /// What the chosen version does.
    shown: WorkflowDescription,
    done: &'a str,
}

impl One<'_> {
    fn state(&self) -> Vec<&str> {
        state(self.frame.words, &self.summary)
    }

    fn sees_instances(&self) -> bool {
        self.frame.places().contains(&Here::Instances)
    }

    fn open(&self, version: u32) -> u64 {
        self.open.get(&version).copied().unwrap_or_default()
    }

    fn shown_version(&self) -> String {
        version_name(self.shown.version)
    }

    fn done(&self) -> &str {
        match self.done {
            "stored" => &self.w.stored,
            "published" => &self.w.published,
            "archived" => &self.w.archived_now,
            "restored" => &self.w.restored_now,
            _ => "",
        }
    }

    fn field_type(&self, field: &FieldDeclaration) -> &'static str {
        crate::fields::kind_of(field)
    }
}

/// Reads a version or the draft.
pub(crate) async fn description(
    person: &Person,
    name: &str,
    (version, draft): (u32, bool),
) -> Result<(WorkflowDescription, String), Trouble> {
    let request = GetWorkflowRequest {
        name: name.to_owned(),
        version,
        draft,
    };
    let read = person.definitions().get_workflow(request).await?;
    let read = read.into_inner();
    let workflow = read.workflow.ok_or(Trouble::NotFound)?;
    Ok((workflow, read.time_zone))
}

async fn versions(person: &Person, name: &str) -> Result<Vec<VersionSummary>, Trouble> {
    let mut client = person.definitions();
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListVersionsRequest {
            name: name.to_owned(),
            page_token,
        };
        let page = client.list_versions(request).await?.into_inner();
        found.extend(page.versions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

/// `GET /workflows/w/NAME`.
pub(crate) async fn one(
    visit: Visit,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    visit.answer(shown(&visit, &name, &asked).await)
}

async fn shown(visit: &Visit, name: &str, asked: &Asked) -> Result<Response, Trouble> {
    let person = &visit.person;
    let versions = versions(person, name).await?;
    let summary = named(person, name).await?;
    let mut chosen = asked.version()?;
    if chosen == (0, false) && summary.newest_version == 0 {
        chosen = (0, true);
    }
    let (shown, _) = description(person, name, chosen).await?;
    let mut open = open_instances(person, Some(name)).await?;
    Ok(html(&One {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: person.may(&[Role::Author]),
        may_try: person.may(&[Role::Author, Role::Operator, Role::Auditor]),
        summary,
        versions,
        open: open.remove(name).unwrap_or_default(),
        shown,
        done: &asked.done,
    }))
}

/// `GET /workflows/w/NAME/picture`.
pub(crate) async fn picture(
    visit: Visit,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let drawn = async {
        let (version, draft) = asked.version()?;
        let request = RenderWorkflowRequest {
            name,
            version,
            draft,
            format: PictureFormat::Svg.into(),
            ..RenderWorkflowRequest::default()
        };
        let drawn = visit.person.definitions().render_workflow(request).await?;
        Ok(layout::picture(drawn.into_inner().picture))
    };
    visit.answer(drawn.await)
}

/// `GET /workflows/w/NAME/file`: the file, as a download.
pub(crate) async fn file(
    visit: Visit,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let written = async {
        let version = asked.version()?;
        let format = match asked.format.as_str() {
            "json" => FileFormat::Json,
            _ => FileFormat::Yaml,
        };
        let text = exported(&visit.person, &name, version, format).await?;
        let (ending, kind) = match format {
            FileFormat::Json => ("json", "application/json"),
            _ => ("yaml", "application/yaml; charset=utf-8"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The server has such a workflow, so its name has letters, digits and hyphens only.
        let disposition = format!("attachment; filename=\"{name}.{ending}\"");
        if let Ok(disposition) = HeaderValue::try_from(disposition) {
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
        Ok((headers, text).into_response())
    };
    visit.answer(written.await)
}

/// The file of a version or of the draft.
pub(crate) async fn exported(
    person: &Person,
    name: &str,
    (version, draft): (u32, bool),
    format: FileFormat,
) -> Result<String, Trouble> {
    let request = ExportWorkflowRequest {
        name: name.to_owned(),
        version,
        draft,
        format: format.into(),
    };
    let written = person.definitions().export_workflow(request).await?;
    Ok(written.into_inner().file)
}

/// Which two are compared: numbers, or `draft` as the second.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Compared {
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "workflows/differences.html")]
struct Differences<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    summary: WorkflowSummary,
    /// What can be compared: the draft, if there is one, and the versions.
    choices: Vec<String>,
    found: DiffVersionsResponse,
}

impl Differences<'_> {
    fn is_from(&self, choice: &str) -> bool {
        choice == self.found.from_version.to_string()
    }

    fn is_to(&self, choice: &str) -> bool {
        choice == version_name(self.found.to_version)
    }

    fn name(&self, choice: &str) -> String {
        match choice {
            "draft" => self.w.draft.clone(),
            number => format!("{} {number}", self.w.version),
        }
    }
}

/// `GET /workflows/w/NAME/differences`.
pub(crate) async fn differences(
    visit: Visit,
    Path(name): Path<String>,
    Query(compared): Query<Compared>,
) -> Response {
    let made = async {
        let person = &visit.person;
        let (from, _) = version(&compared.from)?;
        let to = version(&compared.to)?;
        let found = differing(person, &name, from, to).await?;
        let summary = named(person, &name).await?;
        let draft = summary.has_draft.then(|| "draft".to_owned());
        let versions = (1..=summary.newest_version).rev();
        let choices = draft.into_iter().chain(versions.map(|one| one.to_string()));
        Ok(html(&Differences {
            frame: visit.frame(Here::Workflows),
            w: &visit.words.workflows,
            choices: choices.collect(),
            summary,
            found,
        }))
    };
    visit.answer(made.await)
}

/// What differs between two versions, or a version and the draft.
pub(crate) async fn differing(
    person: &Person,
    name: &str,
    from_version: u32,
    (to_version, to_draft): (u32, bool),
) -> Result<DiffVersionsResponse, Trouble> {
    let request = DiffVersionsRequest {
        name: name.to_owned(),
        from_version,
        to_version,
        to_draft,
    };
    let found = person.definitions().diff_versions(request).await?;
    Ok(found.into_inner())
}
