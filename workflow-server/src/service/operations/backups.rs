//! Backups: begins one, and sends its parts as messages. Which files there are and how they are
//! read is not known here.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use aftercall_serving::log_context::LogContext;
use proto::backup_response::Part as Shown;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::backup::{Base, FullReason, Part, SourceError, send};
use crate::journal::Position;
use crate::ledger::capture::Capture;
use crate::limits::{
    BACKUP_NAME_CHARS_MAX, BACKUP_NAMES_MAX, BACKUP_PARTS_WAITING, BACKUP_STALL_MAX,
    BACKUPS_RUNNING_MAX,
};
use crate::service::ask::Faults;
use crate::service::say::refusal::Reason;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;

/// The parts of a backup.
pub(crate) type Responses = ReceiverStream<Result<proto::BackupResponse, Status>>;

type Sender = mpsc::Sender<Result<proto::BackupResponse, Status>>;

/// Starts a backup; its parts come by the receiver. Dropping that ends it.
pub(crate) async fn backup(
    shared: &Shared,
    asked: Asked<proto::BackupRequest>,
) -> Result<Responses, Refusal> {
    let actor = asked.actor().to_owned();
    let base = read(asked.request.base, &actor)?;
    let running = Arc::clone(&shared.backups).try_acquire_owned();
    let running = running
        .map_err(|_| refusal::exhausted(Reason::BackupsRunning, BACKUPS_RUNNING_MAX as u64))?;
    let (responses, receiver) = mpsc::channel(1);
    let shared = shared.clone();
    let running = async move { run(&shared, &actor, base, responses, running).await };
    tokio::spawn(LogContext::current().scope(running));
    Ok(ReceiverStream::new(receiver))
}

/// Reads a request: the base, if one is named.
fn read(base: Option<proto::BackupBase>, actor: &str) -> Result<Option<Base>, Refusal> {
    let mut faults = Faults::default();
    faults.check_logged_actor(actor);
    let files = base.as_ref().map_or(&[][..], |base| &base.files);
    if files.len() > BACKUP_NAMES_MAX {
        faults.add(
            "base.files",
            format!("has more than {BACKUP_NAMES_MAX} names"),
        );
    }
    if files
        .iter()
        .any(|name| name.chars().count() > BACKUP_NAME_CHARS_MAX)
    {
        faults.add(
            "base.files",
            format!("has a name of more than {BACKUP_NAME_CHARS_MAX} characters"),
        );
    }
    let checksums = base.as_ref().map_or(&[][..], |base| &base.checksums);
    if !checksums.is_empty() && checksums.len() != files.len() {
        faults.add(
            "base.checksums",
            "must have one for each of base.files, or none",
        );
    }
    faults.check()?;
    let checksums: Vec<u64> = checksums.to_vec();
    let checksums = checksums
        .into_iter()
        .map(Some)
        .chain(std::iter::repeat(None));
    Ok(base.map(|base| Base {
        epoch: base.epoch,
        position: Position {
            sequence: base.sequence,
            chain: base.chain,
        },
        files: base.files.into_iter().zip(checksums).collect(),
    }))
}

async fn run(
    shared: &Shared,
    actor: &str,
    base: Option<Base>,
    responses: Sender,
    _running: OwnedSemaphorePermit,
) {
    let working = async {
        let capture = shared
            .ledger
            .capture()
            .await
            .map_err(|error| refusal::of_ledger(error, &shared.view()))?;
        let sequence = capture.root.sequence;
        tracing::info!(actor, sequence, "a backup begins");
        let copied = copy(shared, &capture, base, &responses).await;
        // The files are released before anybody waits for the client once more.
        drop(capture);
        match copied {
            Ok(bytes) => tracing::info!(sequence, bytes, "the backup is complete"),
            Err(error) => {
                tracing::warn!(sequence, %error, "the backup was not completed");
                return Err(refused(&error));
            }
        }
        metrics::counter!("aftercall_backups_total").increment(1);
        metrics::gauge!("aftercall_newest_backup_time_seconds")
            .set(shared.ledger.now().0 as f64 / 1_000.0);
        Ok(())
    };
    let worked = tokio::select! {
        worked = working => worked,
        () = responses.closed() => return,
        () = shared.draining.cancelled() => Err(refusal::unavailable(shared.ending())),
    };
    if let Err(refused) = worked {
        let _ = timeout(BACKUP_STALL_MAX, responses.send(Err(refused.into()))).await;
    }
}

fn refused(error: &SourceError) -> Refusal {
    let ended = |reason| {
        refusal::plain(
            Code::DeadlineExceeded,
            reason,
            format!("the backup was ended: {error}"),
        )
    };
    match error {
        SourceError::Stalled => ended(Reason::BackupStalled),
        SourceError::TooSlow => ended(Reason::BackupTime),
        SourceError::Gone => refusal::unavailable("the client has gone away"),
        SourceError::Journal(_) | SourceError::Record(_) => refusal::internal(error),
    }
}

/// Reads and sends in one task: where the client goes away the reading ends with it.
async fn copy(
    shared: &Shared,
    capture: &Capture,
    base: Option<Base>,
    responses: &Sender,
) -> Result<u64, SourceError> {
    let had_base = base.is_some();
    let (parts, mut waiting) = mpsc::channel(BACKUP_PARTS_WAITING);
    let reading = send(
        capture,
        &shared.identity,
        (base, shared.ledger.now()),
        parts,
    );
    let forwarding = async {
        while let Some(part) = waiting.recv().await {
            if responses.send(Ok(response(part, had_base))).await.is_err() {
                return;
            }
        }
    };
    tokio::pin!(reading, forwarding);
    let bytes = tokio::select! {
        sent = &mut reading => sent?,
        () = &mut forwarding => return Err(SourceError::Gone),
    };
    timeout(BACKUP_STALL_MAX, forwarding)
        .await
        .map_err(|_| SourceError::Stalled)?;
    Ok(bytes)
}

fn response(part: Part, had_base: bool) -> proto::BackupResponse {
    let part = match part {
        Part::Begin { begun, full, files } => Shown::Begin(proto::BackupBegin {
            format: begun.format,
            epoch: begun.epoch,
            sequence: begun.sequence,
            created_at: Some(convert::timestamp(Time(begun.created_at_millis))),
            server_version: begun.server_version,
            full: full.is_some(),
            full_reason: full
                .filter(|_| had_base)
                .map_or(proto::BackupFullReason::Unspecified, reason)
                .into(),
            file_count: files,
            unfinished_erasures: begun.unfinished_erasures,
        }),
        Part::File(name) => Shown::File(proto::BackupFile { name }),
        Part::Piece(bytes) => Shown::Piece(bytes.into()),
        Part::FileEnd { bytes, checksum } => Shown::FileEnd(proto::BackupFileEnd {
            size: bytes,
            checksum,
        }),
        Part::Kept(name) => Shown::Kept(proto::BackupFile { name }),
        Part::End { chain, at } => Shown::End(proto::BackupEnd {
            chain,
            at: Some(convert::timestamp(at)),
        }),
    };
    proto::BackupResponse { part: Some(part) }
}

fn reason(reason: FullReason) -> proto::BackupFullReason {
    match reason {
        FullReason::NoBase => proto::BackupFullReason::Unspecified,
        FullReason::OtherEpoch => proto::BackupFullReason::OtherEpoch,
        FullReason::OtherHistory => proto::BackupFullReason::OtherHistory,
        FullReason::TooOld => proto::BackupFullReason::TooOld,
    }
}
