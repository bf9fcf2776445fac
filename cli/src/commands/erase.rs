//! `aftercall erase`: erasing a caller, and how far that is.
//!
//! Promise: says what is masked at once and what is still in files. Must not: show anything of the
//! caller.

use std::time::Duration;

use aftercall_proto::workflow::v1::{
    CallRef, EraseCallerRequest, Erasure, ErasureState, GetErasureRequest, ListErasuresRequest,
};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;

use super::caller::KnownBy;
use crate::confirm::Sure;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::values::call_name;
use crate::{connect, time, wording};

const ROWS: Table<'_> = Table {
    columns: &[
        id("id"),
        whole("state", 1),
        whole("calls", 4),
        whole("follow-ups", 5),
        name("by", 6),
        whole("began", 2),
        whole("done", 3),
        sentence("reason", 7),
    ],
    empty: "No caller has been erased.",
};

/// How often to check whether an erasure is done.
const ASK_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Subcommand)]
pub(crate) enum Erase {
    /// Erase a caller from every call, everywhere; waits until the store has no byte left
    #[command(after_help = "\
Examples:
  aftercall erase caller --reference C-77120 --reason 'asked for it, ticket 4711' --dry-run
  aftercall erase caller --reference C-77120 --reason 'asked for it, ticket 4711'")]
    Caller(Box<OfCaller>),
    /// Show an erasure: its progress and its calls
    #[command(after_help = "Example:\n  aftercall erase show 1042")]
    Show {
        /// Which erasure
        #[arg(value_name = "ERASURE")]
        id: u64,
    },
    /// List erasures, newest first
    #[command(after_help = "Example:\n  aftercall erase list")]
    List,
}

#[derive(Debug, Args)]
pub(crate) struct OfCaller {
    #[command(flatten)]
    known_by: KnownBy,
    /// Only calls of this customer
    #[arg(
        long,
        value_name = "CUSTOMER",
        default_value = "",
        hide_default_value = true
    )]
    customer: String,
    /// Why; it is kept, so it must not name the caller
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do not wait until the files are scrubbed; reads are masked at once in any case
    #[arg(long)]
    no_wait: bool,
    /// Erase nothing, and list the calls that would be erased
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    sure: Sure,
}

impl Erase {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Caller(erase) => erase.run(session).await,
            Self::Show { id } => {
                let erasure = get(session, id).await?;
                session.output.one(&erasure, || page(&erasure))
            }
            Self::List => list(session).await,
        }
    }
}

impl OfCaller {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut request = EraseCallerRequest {
            request_id: String::new(),
            actor: session.to.actor.clone(),
            caller: self.known_by.caller(),
            customer: self.customer,
            reason: self.reason,
            dry_run: true,
        };
        let mut client = session.to.operations().await?;
        if self.dry_run || !self.sure.is_given() {
            let tried = client.erase_caller(request.clone()).await?.into_inner();
            if !tried.possible_calls.is_empty() {
                remark(&uncertain(&tried.possible_calls));
            }
            let found = tried.erasure.unwrap_or_default();
            if self.dry_run {
                session.output.one(&found, || would_erase(&found))?;
                remark("Nothing was erased.");
                return Ok(());
            }
            self.sure.ask(&format!(
                "{}. This cannot be undone. Erase?",
                would_erase(&found).join(": ")
            ))?;
        }
        request.dry_run = false;
        request.request_id = connect::request_id();
        let answer = client.erase_caller(request).await?.into_inner();
        let mut erasure = answer.erasure.unwrap_or_default();
        if !self.no_wait {
            erasure = until_done(session, erasure).await?;
        }
        session.output.one(&erasure, || page(&erasure))?;
        if erasure.more {
            remark("The caller has more calls than one erasure takes: erase once more.");
        }
        Ok(())
    }
}

async fn until_done(session: &Session, mut erasure: Erasure) -> Result<Erasure, Failure> {
    let spinner = ProgressBar::new_spinner()
        .with_message("Everything that is read is masked; scrubbing the files");
    spinner.enable_steady_tick(ASK_EVERY);
    while erasure.state() != ErasureState::Done {
        tokio::time::sleep(ASK_EVERY).await;
        erasure = get(session, erasure.id).await?;
    }
    spinner.finish_and_clear();
    Ok(erasure)
}

async fn get(session: &Session, id: u64) -> Result<Erasure, Failure> {
    let answer = session
        .to
        .operations()
        .await?
        .get_erasure(GetErasureRequest { erasure_id: id })
        .await?
        .into_inner();
    answer
        .erasure
        .ok_or_else(|| Failure::not_found(format!("There is no erasure {id}.")))
}

async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session
        .to
        .operations()
        .await?
        .list_erasures(ListErasuresRequest {})
        .await?
        .into_inner();
    session
        .output
        .list(&answer.erasures, &ROWS, |erasure: &Erasure| {
            vec![
                erasure.id.to_string(),
                state(erasure.state()).to_owned(),
                erasure.calls.len().to_string(),
                erasure.instance_count.to_string(),
                wording::actor(erasure.actor.as_ref()),
                time::local(erasure.started_at.as_ref()),
                time::local(erasure.ended_at.as_ref()),
                erasure.reason.clone(),
            ]
        })
}

fn state(state: ErasureState) -> &'static str {
    match state {
        ErasureState::Unspecified => "",
        ErasureState::Masking => "masking",
        ErasureState::Scrubbing => "masked, scrubbing files",
        ErasureState::Done => "done",
    }
}

/// The calls that an erasure would change.
fn would_erase(found: &Erasure) -> Vec<String> {
    let calls: Vec<String> = found
        .calls
        .iter()
        .map(|call| call_name(Some(call)))
        .collect();
    let more = if found.more { " at least" } else { "" };
    let open = if found.open_count > 0 {
        format!(", {} of them open", found.open_count)
    } else {
        String::new()
    };
    let mut lines = vec![format!(
        "It is about{more} {} calls with {} follow-ups{open}",
        calls.len(),
        found.instance_count
    )];
    lines.extend((!calls.is_empty()).then(|| calls.join(", ")));
    lines
}

/// Calls that are found by the number, but are not certain to be the caller's.
fn uncertain(calls: &[CallRef]) -> String {
    let names: Vec<String> = calls.iter().map(|call| call_name(Some(call))).collect();
    format!(
        "{} more calls may be of this caller, or of somebody else: {}. They are not erased. To erase one, give the number as its call has it.",
        calls.len(),
        names.join(", ")
    )
}

fn page(erasure: &Erasure) -> Vec<String> {
    let calls: Vec<String> = erasure
        .calls
        .iter()
        .map(|call| call_name(Some(call)))
        .collect();
    let mut lines = vec![
        format!("erasure {}: {}", erasure.id, state(erasure.state())),
        format!(
            "{} calls with {} follow-ups: {}",
            calls.len(),
            erasure.instance_count,
            calls.join(", ")
        ),
    ];
    if erasure.open_count > 0 {
        lines.push(format!(
            "{} of them are still open, and nobody can work on them without what was erased: cancel them, or move them on.",
            erasure.open_count
        ));
    }
    if !erasure.out_of_reach.is_empty() {
        lines.push(format!(
            "The server cannot reach these places, which may still have the data: {}.",
            erasure.out_of_reach.join("; ")
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_follow_ups_of_an_erased_caller_are_listed() {
        let erasure = Erasure {
            id: 7,
            state: ErasureState::Done.into(),
            instance_count: 3,
            ..Erasure::default()
        };
        assert_eq!(page(&erasure)[0], "erasure 7: done");
        assert_eq!(page(&erasure).len(), 2);
        let open = Erasure {
            open_count: 1,
            ..erasure
        };
        assert!(page(&open)[2].starts_with("1 of them are still open"));
    }

    #[test]
    fn places_that_the_server_cannot_reach_are_listed() {
        let erasure = Erasure {
            out_of_reach: vec!["replicas".to_owned(), "backups".to_owned()],
            ..Erasure::default()
        };
        let last = page(&erasure).pop().unwrap_or_default();
        assert!(
            last.ends_with("still have the data: replicas; backups."),
            "{last}"
        );
    }
}
