//! The figures of a period.

use aftercall_proto::workflow::v1::report_response::Part;
use aftercall_proto::workflow::v1::{ReportBy, ReportOutcome, ReportRequest, ReportRow};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use prost_types::Duration;

use crate::form::local;
use crate::frame::{Frame, Here};
use crate::instances::filter::{Pairs, text};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words::instances::InstancesWords;

/// The tables, in their order.
const TABLES: [ReportBy; 5] = [
    ReportBy::All,
    ReportBy::Workflow,
    ReportBy::Stage,
    ReportBy::Team,
    ReportBy::Person,
];

#[derive(Template)]
#[template(path = "instances/report.html")]
struct Report<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    pairs: &'a Pairs,
    rows: Vec<ReportRow>,
    outcomes: Vec<ReportOutcome>,
    why: String,
}

impl Report<'_> {
    fn typed(&self, name: &str) -> &str {
        text(self.pairs, name)
    }

    fn tables(&self) -> Vec<(&str, Vec<&ReportRow>)> {
        let tables = TABLES.map(|by| {
            let rows = self.rows.iter().filter(|row| row.by() == by);
            (self.w.report_by(by), rows.collect::<Vec<_>>())
        });
        let tables = tables.into_iter();
        tables.filter(|(_, rows)| !rows.is_empty()).collect()
    }

    fn name(&self, row: &ReportRow) -> String {
        match row.by() {
            ReportBy::Stage => format!("{} {} · {}", row.workflow, row.stage, row.name),
            ReportBy::All => self.w.all.clone(),
            _ => row.name.clone(),
        }
    }

    fn span(&self, span: &Option<Duration>) -> String {
        span.as_ref().map(in_units).unwrap_or_default()
    }
}

/// A duration in its two largest units.
fn in_units(span: &Duration) -> String {
    let seconds = span.seconds;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `GET /instances/report`.
pub(crate) async fn report(visit: Visit, Query(pairs): Query<Pairs>) -> Response {
    visit.answer(shown(&visit, &pairs).await)
}

async fn shown(visit: &Visit, pairs: &Pairs) -> Result<Response, Trouble> {
    let mut page = Report {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        pairs,
        rows: Vec::new(),
        outcomes: Vec::new(),
        why: String::new(),
    };
    if text(pairs, "from").is_empty() {
        return Ok(html(&page));
    }
    if let Err(trouble) = read(visit, pairs, &mut page).await {
        match trouble {
            Trouble::Form(_) | Trouble::Refused(_) => page.why = trouble.sentence(visit.words),
            other => return Err(other),
        }
    }
    Ok(html(&page))
}

async fn read(visit: &Visit, pairs: &Pairs, page: &mut Report<'_>) -> Result<(), Trouble> {
    let day = |name: &str| match text(pairs, name) {
        "" => Ok(None),
        day => {
            let begin = local(&format!("{day}T00:00"), "UTC");
            let unknown = || Trouble::Form(format!("{name}: {day:?}"));
            begin.map(Some).ok_or_else(unknown)
        }
    };
    let workflow = Some(text(pairs, "workflow").to_owned());
    let request = ReportRequest {
        from: day("from")?,
        to: day("to")?,
        workflows: workflow
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect(),
        customers: Vec::new(),
    };
    let mut parts = visit
        .person
        .operations()
        .report(request)
        .await?
        .into_inner();
    while let Some(answer) = parts.message().await? {
        match answer.part {
            Some(Part::Row(row)) => page.rows.push(row),
            Some(Part::Outcome(outcome)) => page.outcomes.push(outcome),
            Some(Part::Progress(_)) | None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let shown = |seconds| in_units(&Duration { seconds, nanos: 0 });
        assert_eq!(shown(59), "59 s");
        assert_eq!(shown(3_540), "59 min");
        assert_eq!(shown(93_600), "1 d 2 h");
        assert_eq!(shown(3_720), "1 h 2 min");
    }
}
