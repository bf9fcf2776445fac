//! `aftercall calls`: the Call Manager's list, one row a follow-up, most urgent first.
//!
//! Promise: the row's due time and its being overdue are the server's, by the server's clock. Must
//! not: sort again.

use aftercall_proto::workflow::v1::{
    DueState, FollowUp, FollowUpFilter, FollowUpRow, FollowUpSort, ListFollowUpsRequest, Priority,
};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::commands::{names, stages};
use crate::errors::Failure;
use crate::output::{Output, remark};
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::values::call_name;
use crate::{time, wording};

/// One page is what a person reads; `--all` takes the largest pages that the server returns.
const PAGE_SIZE: u32 = 100;
const PAGE_SIZE_MAX: u32 = 1_000;

/// In 80 columns: what to do, for whom, until when, and with which buttons.
const ROWS: Table<'_> = Table {
    columns: &[
        id("id"),
        whole("call", 11),
        name("customer", 10),
        name("caller", 4),
        name("workflow", 9),
        name("stage", 7),
        whole("priority", 5),
        name("team", 6),
        whole("due", 1),
        name("held by", 8),
        sentence("alert", 2),
        name("buttons", 3),
    ],
    empty: "Nothing waits for anybody here.",
};

/// The same for what is snoozed: who put it off, and when it comes back.
const SNOOZED: Table<'_> = Table {
    columns: &[
        id("id"),
        whole("call", 11),
        name("customer", 10),
        name("caller", 4),
        name("workflow", 9),
        name("stage", 7),
        whole("priority", 5),
        name("team", 6),
        whole("back", 1),
        name("snoozed by", 8),
        sentence("alert", 2),
        name("buttons", 3),
    ],
    empty: "Nothing is snoozed here.",
};

/// Fields of a follow-up that a row shows.
const SHOWN: [&str; 9] = [
    "workflow",
    "stage",
    "last_stage",
    "call.ref",
    "call.customer",
    "call.caller",
    "claim",
    "pause",
    "buttons",
];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall calls
  aftercall calls --team billing --priority high --priority urgent
  aftercall calls --workflow refund --stage 'After Approve'
  aftercall calls --overdue --text 'ada crate'
  aftercall calls --snoozed --team billing
  aftercall calls --phone '020 7946 0001'
  aftercall --output json calls --all")]
pub(crate) struct Calls {
    #[command(flatten)]
    filter: ListedFilter,
    /// What is snoozed, instead of what waits
    #[arg(long)]
    snoozed: bool,
    /// Every follow-up instead of the 100 most urgent ones
    #[arg(long, short = 'a')]
    all: bool,
}

/// Which follow-ups; each option may be repeated, and any of its values fits.
#[derive(Debug, Default, Args)]
pub(crate) struct Filter {
    /// With an alert for this team
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Of this customer
    #[arg(long = "customer", value_name = "CUSTOMER")]
    customers: Vec<String>,
    /// Of this workflow
    #[arg(long = "workflow", value_name = "WORKFLOW")]
    workflows: Vec<String>,
    /// In the stage with this title or number
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<String>,
    /// With an alert of this priority
    #[arg(long = "priority", value_enum, value_name = "PRIORITY")]
    priorities: Vec<PriorityChoice>,
}

/// The same, and by whom they are held.
#[derive(Debug, Default, Args)]
pub(crate) struct HeldFilter {
    #[command(flatten)]
    which: Filter,
    /// Held by this person
    #[arg(long = "holder", value_name = "NAME")]
    holders: Vec<String>,
    /// Held by nobody
    #[arg(long, conflicts_with = "holders")]
    unclaimed: bool,
}

/// The same, and what a list selects by besides.
#[derive(Debug, Default, Args)]
pub(crate) struct ListedFilter {
    #[command(flatten)]
    held: HeldFilter,
    /// Overdue
    #[arg(long)]
    overdue: bool,
    /// With these words in the caller, the call, the fields or an alert
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    text: String,
    /// Of the caller with this telephone number, in any spelling
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "",
        hide_default_value = true
    )]
    phone: String,
    /// With this reference: of the caller, a field or the call, such as an order
    #[arg(
        long,
        value_name = "REFERENCE",
        default_value = "",
        hide_default_value = true
    )]
    reference: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PriorityChoice {
    Low,
    Normal,
    High,
    Urgent,
}

impl From<PriorityChoice> for Priority {
    fn from(choice: PriorityChoice) -> Self {
        match choice {
            PriorityChoice::Low => Self::Low,
            PriorityChoice::Normal => Self::Normal,
            PriorityChoice::High => Self::High,
            PriorityChoice::Urgent => Self::Urgent,
        }
    }
}

impl Filter {
    /// The filter of a request.
    ///
    /// # Errors
    /// It names what the server does not have.
    pub(crate) async fn resolve(self, session: &Session) -> Result<FollowUpFilter, Failure> {
        names::check(session, &self.teams, &self.workflows).await?;
        let stages = stages::find(session, &self.workflows, &self.stages).await?;
        Ok(FollowUpFilter {
            stages,
            ..self.into()
        })
    }
}

impl From<Filter> for FollowUpFilter {
    /// All but the stages, which only the workflows know.
    fn from(filter: Filter) -> Self {
        Self {
            teams: filter.teams,
            customers: filter.customers,
            workflows: filter.workflows,
            priorities: filter
                .priorities
                .into_iter()
                .map(|choice| Priority::from(choice).into())
                .collect(),
            ..Default::default()
        }
    }
}

impl ListedFilter {
    /// The filter of a request.
    pub(crate) async fn resolve(self, session: &Session) -> Result<FollowUpFilter, Failure> {
        Ok(FollowUpFilter {
            overdue: self.overdue,
            text: self.text,
            phone: self.phone,
            reference: self.reference,
            ..self.held.resolve(session).await?
        })
    }
}

impl HeldFilter {
    /// The filter of a request.
    pub(crate) async fn resolve(self, session: &Session) -> Result<FollowUpFilter, Failure> {
        let (holders, unclaimed) = (self.holders, self.unclaimed);
        Ok(FollowUpFilter {
            holders,
            unclaimed,
            ..self.which.resolve(session).await?
        })
    }

    /// The same for a stream of the alerter.
    pub(crate) async fn resolve_for_stream(
        self,
        session: &Session,
    ) -> Result<FollowUpFilter, Failure> {
        let (holders, unclaimed, which) = (self.holders, self.unclaimed, self.which);
        names::check_of_stream(session, &which.teams, &which.workflows).await?;
        let stages = stages::find_for_stream(session, &which.workflows, &which.stages).await?;
        Ok(FollowUpFilter {
            holders,
            unclaimed,
            stages,
            ..which.into()
        })
    }
}

impl Calls {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let filter = FollowUpFilter {
            snoozed: self.snoozed,
            ..self.filter.resolve(session).await?
        };
        let table = if self.snoozed { &SNOOZED } else { &ROWS };
        let mut client = session.to.calls().await?;
        let (mut rows, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListFollowUpsRequest {
                filter: Some(filter.clone()),
                sort: FollowUpSort::Urgency.into(),
                page_size: if self.all { PAGE_SIZE_MAX } else { PAGE_SIZE },
                page_token,
                read_mask: session.read_mask(&SHOWN),
            };
            let page = client.list_follow_ups(request).await?.into_inner();
            rows.extend(page.rows);
            page_token = page.next_page_token;
            if page_token.is_empty() || !self.all {
                break;
            }
        }
        let now = session.now().await?;
        session
            .output
            .list(&rows, table, |row| cells(session.output, row, now))?;
        if rows.is_empty() {
            names::advise_customers(session, &filter.customers).await;
        }
        if !page_token.is_empty() {
            remark("There are more: `--all` shows every one, `--team` and the like fewer.");
        }
        Ok(())
    }
}

fn cells(output: Output, row: &FollowUpRow, now: Timestamp) -> Vec<String> {
    let follow_up = row.follow_up.clone().unwrap_or_default();
    let call = follow_up.call.as_ref();
    let due = time::relative(row.due.as_ref(), now);
    let claim = follow_up.claim.as_ref();
    let holder = claim.map(|claim| claim.holder.clone()).unwrap_or_default();
    let snoozed = row.alert.as_ref();
    let snoozed = snoozed.filter(|alert| alert.snoozed_until.is_some());
    let (time, person) = match snoozed {
        Some(alert) => (
            time::relative(alert.snoozed_until.as_ref(), now),
            alert.snoozed_by.clone(),
        ),
        None => (due_cell(output, row, &follow_up, due), holder),
    };
    vec![
        follow_up.instance_id.clone(),
        call_name(call.and_then(|call| call.r#ref.as_ref())),
        call.map(|call| call.customer.clone()).unwrap_or_default(),
        wording::caller(call),
        follow_up.workflow.clone(),
        wording::stage_of(&follow_up),
        row.alert
            .as_ref()
            .map_or("", |alert| wording::priority(alert.priority()))
            .to_owned(),
        row.alert.as_ref().map(wording::teams).unwrap_or_default(),
        time,
        person,
        row.alert
            .as_ref()
            .map(|alert| alert.text.clone())
            .unwrap_or_default(),
        wording::buttons(&follow_up),
    ]
}

/// What is due soon is marked by its word, for those who see no colour.
fn due_cell(output: Output, row: &FollowUpRow, follow_up: &FollowUp, due: String) -> String {
    match row.due_state() {
        _ if follow_up.pause.is_some() => "paused".to_owned(),
        DueState::Overdue => output.urgent(&due),
        DueState::DueSoon => output.strong(&format!("{due} (soon)")),
        DueState::OnTime | DueState::Unspecified => due,
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::Alert;

    use super::*;
    use crate::output::Form;

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let row = FollowUpRow {
            follow_up: Some(FollowUp {
                instance_id: "i-1".to_owned(),
                ..Default::default()
            }),
            alert: Some(Alert {
                text: "Ring back".to_owned(),
                priority: 3,
                team: "billing".to_owned(),
                added_teams: vec!["care".to_owned()],
                ..Default::default()
            }),
            due: Some(prost_types::Timestamp {
                seconds: 3_600,
                nanos: 0,
            }),
            overdue: false,
            due_state: 0,
        };
        let cells = cells(Output::new(Form::Json), &row, Timestamp::UNIX_EPOCH);
        assert_eq!(cells.len(), ROWS.columns.len());
        assert_eq!(cells[0], "i-1");
        assert_eq!(
            cells[6..11],
            ["high", "billing and care", "in 1 h", "", "Ring back"]
        );
    }
}
