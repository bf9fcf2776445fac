//! The backups in a directory, as a table or JSON.

use std::path::Path;

use workflow_server::backup::{BackupDirectory, BackupError, KnownErasure, Manifest};

use crate::backup::shown::{failed, local, mebibytes, sentence};
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, whole};

const ROWS: Table<'_> = Table {
    columns: &[
        id("number"),
        whole("made", 1),
        whole("entry", 5),
        whole("restores from", 4),
        whole("newest change", 2),
        whole("size", 3),
        whole("erased since", 6),
        whole("epoch", 7),
    ],
    empty: "There is no backup in this directory.",
};

/// Lists them, oldest first.
pub(super) fn list(session: &Session, dir: &Path) -> Result<(), Failure> {
    let directory = BackupDirectory::open(dir).map_err(|error| failed(&error))?;
    let erasures = directory.erasures().map_err(|error| failed(&error))?;
    let (mut manifests, mut damaged) = (Vec::new(), Vec::new());
    for generation in directory.generations().map_err(|error| failed(&error))? {
        match directory.manifest(generation) {
            Ok(manifest) => manifests.push(manifest),
            Err(error @ BackupError::Damaged { .. }) => damaged.push(sentence(&error)),
            Err(error) => return Err(failed(&error)),
        }
    }
    let held = |manifest: &Manifest| {
        erasures
            .iter()
            .filter(|one: &&KnownErasure| one.is_held_by(manifest))
            .count()
    };
    damaged.iter().for_each(|what| remark(what));
    if session.output.is_json() {
        let rows = manifests.iter().map(|manifest| {
            serde_json::json!({
                "generation": manifest.generation,
                "epoch": manifest.epoch,
                "sequence": manifest.sequence,
                "oldest_sequence": manifest.oldest(),
                "at_millis": manifest.at_millis,
                "created_at_millis": manifest.created_at_millis,
                "server_version": manifest.server_version,
                "files": manifest.files.len(),
                "bytes": manifest.bytes(),
                "holds_erased_callers": held(manifest),
            })
        });
        return session.output.json(&rows.collect());
    }
    session.output.table(
        &ROWS,
        manifests.iter().map(|manifest| {
            vec![
                manifest.generation.to_string(),
                local(manifest.created_at_millis),
                manifest.sequence.to_string(),
                manifest.oldest().to_string(),
                local(manifest.at_millis),
                mebibytes(manifest.bytes()),
                held(manifest).to_string(),
                manifest.epoch.chars().take(8).collect(),
            ]
        }),
    )
}
