//! `aftercall history`: what happened to an instance or on a call, oldest first.
//!
//! Promise: all of it, over as many pages as there are. Must not: leave anything out.

use std::time::Duration;

use aftercall_proto::workflow::v1::{CallRef, GetDayRequest, HistoryItem, ListHistoryRequest};
use clap::Args;
use prost_types::Timestamp as ProtoTime;

use crate::errors::Failure;
use crate::output::remark;
use crate::sensitive::Sensitive;
use crate::session::Session;
use crate::table::{Column, Table, name, sentence, whole};
use crate::values::parse_call;
use crate::{time, wording};

/// The largest page that the server returns.
const PAGE_SIZE: u32 = 1_000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const ROWS: Table<'_> = Table {
    columns: COLUMNS,
    empty: "Nothing has happened to it that is kept.",
};

const OF_PERSON: Table<'_> = Table {
    columns: COLUMNS,
    empty: "This person has changed nothing in this time.",
};

const COLUMNS: &[Column] = &[
    whole("seq", 5),
    whole("when", 1),
    name("who", 3),
    sentence("what", 2),
    name("from stage", 7),
    name("to stage", 4),
    name("status", 6),
    whole("id", 8),
];

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall history ID\n  aftercall history --call scripts/1001"
)]
pub(crate) struct History {
    /// Which instance
    #[arg(required_unless_present = "call")]
    id: Option<String>,
    /// A call instead, with all its instances
    #[arg(long, value_name = "SOURCE/ID", value_parser = parse_call, conflicts_with = "id")]
    call: Option<CallRef>,
}

impl History {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.operations().await?;
        let (mut items, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListHistoryRequest {
                instance_id: self.id.clone().unwrap_or_default(),
                call: self.call.clone(),
                page_size: PAGE_SIZE,
                page_token,
            };
            let page = client.list_history(request).await?.into_inner();
            items.extend(page.items);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        session.output.list(&items, &ROWS, |item| {
            cells(item, session.output.sensitive())
        })?;
        for item in items
            .iter()
            .filter(|item| !session.output.is_json() && !item.warnings.is_empty())
        {
            for warning in &item.warnings {
                remark(&format!("{}: warning: {warning}", item.sequence));
            }
        }
        Ok(())
    }
}

/// What a person did: by default in the last 24 hours.
pub(crate) async fn of_person(
    session: &Session,
    person: String,
    from: Option<ProtoTime>,
    to: Option<ProtoTime>,
) -> Result<(), Failure> {
    let from = match from {
        Some(from) => from,
        None => time::ago(session.now().await?, DAY),
    };
    let request = GetDayRequest {
        person,
        from: Some(from),
        to,
    };
    let mut client = session.to.staff().await?;
    let day = client.get_day(request).await?.into_inner();
    session.output.list(&day.items, &OF_PERSON, |item| {
        cells(item, session.output.sensitive())
    })?;
    let all: u64 = day.counts.iter().map(|count| count.count).sum();
    if all > day.items.len() as u64 {
        remark(&format!("These are the newest of {all} changes."));
    }
    if let Some(back_to) = &day.read_back_to {
        let moment = time::local(Some(back_to));
        remark(&format!(
            "What is older than {moment} has not been read: ask with `--until` for it."
        ));
    }
    Ok(())
}

fn cells(item: &HistoryItem, sensitive: Sensitive) -> Vec<String> {
    let entered: Vec<_> = item
        .entered_stages
        .iter()
        .map(|stage| wording::stage(Some(stage)))
        .collect();
    vec![
        item.sequence.to_string(),
        time::local(item.at.as_ref()),
        wording::actor(item.actor.as_ref()),
        what(item, sensitive),
        wording::stage(item.from_stage.as_ref()),
        entered.join(" → "),
        wording::ending(item.status(), &item.outcome),
        item.instance_id.clone(),
    ]
}

/// What happened, with the texts that it changed.
fn what(item: &HistoryItem, sensitive: Sensitive) -> String {
    let mut what = wording::cause_on(
        item.cause.as_ref(),
        &format!("version {}", item.version),
        sensitive,
    );
    for text in &item.rewritten_texts {
        what.push_str(&format!("; the alert now says \"{text}\""));
    }
    what
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::Stage;

    use super::*;

    #[test]
    fn the_history_shows_all_linked_stages() {
        let stage = |number, title: &str| Stage {
            number,
            title: title.to_owned(),
            ..Default::default()
        };
        let item = HistoryItem {
            entered_stages: vec![stage(2, "Ask"), stage(4, "Pay")],
            ..Default::default()
        };
        assert_eq!(cells(&item, Sensitive::Hidden)[5], "2 Ask → 4 Pay");
    }
}
