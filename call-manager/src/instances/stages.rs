//! The stages of a workflow, for people who choose one.

use crate::people::Person;
use crate::trouble::Trouble;
use crate::workflows::description;

/// The stages of a version: number and title. 0 for the newest version.
pub(crate) async fn stages(
    person: &Person,
    workflow: &str,
    version: u32,
) -> Result<Vec<(u32, String)>, Trouble> {
    let (described, _) = description(person, workflow, (version, false)).await?;
    let stages = described.stages.into_iter().filter_map(|stage| stage.stage);
    Ok(stages.map(|stage| (stage.number, stage.title)).collect())
}
