//! The file of teams: `teams: [ { name: billing, title: Billing, claim-next-only: true }, … ]`.

use std::collections::HashSet;

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::rules;
use aftercall_engine::limits;

use crate::file::faults::Faults;
use crate::file::mapping::{self, Keys, Mapping};
use crate::file::tree;

const FILE: Keys = Keys {
    known: &["format", "teams"],
    later: &[],
};
const TEAM: Keys = Keys {
    known: &["name", "title", "claim-next-only"],
    later: &["calendar", "people"],
};

/// A team that a file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredTeam {
    /// The name.
    pub name: String,
    /// The title that people read.
    pub title: String,
    /// Whether its agents only claim the next follow-up.
    pub claim_next_only: bool,
}

/// Reads teams, in the order of the file.
///
/// # Errors
/// All errors of the file.
pub fn read_teams(text: &str) -> Result<Vec<DeclaredTeam>, Vec<Fault>> {
    let mut faults = Faults::default();
    let teams = tree::parse(text, &mut faults).map(|root| {
        let Some(file) = Mapping::from_file(&root, "a file of teams", &mut faults) else {
            return Vec::new();
        };
        file.check_keys(&FILE, &mut faults);
        if let Some(node) = file.get("format") {
            mapping::whole_number(node, "format", 1, 1, &mut faults);
        }
        file.require("teams", "a file of teams", &mut faults)
            .map(|node| teams(node, &mut faults))
            .unwrap_or_default()
    });
    match teams {
        Some(teams) if faults.is_empty() => Ok(teams),
        _ => Err(faults.finish(&[])),
    }
}

fn teams(node: &tree::Node, faults: &mut Faults) -> Vec<DeclaredTeam> {
    let items = mapping::list(node, "`teams`", faults);
    if items.len() > limits::TEAMS_MAX {
        let message = format!(
            "there are {} teams; at most {} can be declared",
            items.len(),
            limits::TEAMS_MAX
        );
        faults.add(FaultCode::TooLarge, node.at, message);
        return Vec::new();
    }
    let mut names = HashSet::new();
    let mut teams = Vec::with_capacity(items.len());
    for item in items {
        let Some(team) = Mapping::from_node(item, "a team", faults) else {
            continue;
        };
        team.check_keys(&TEAM, faults);
        let name = team
            .require("name", "a team", faults)
            .and_then(|node| mapping::name(node, "name", faults));
        let title = team.require("title", "a team", faults).and_then(|node| {
            mapping::checked(node, "title", |text| rules::label("`title`", text), faults)
        });
        if let Some(name) = name.as_ref().filter(|name| !names.insert((*name).clone())) {
            faults.add(
                FaultCode::Duplicate,
                team.at,
                format!("the team `{name}` is here twice"),
            );
        }
        let claim_next_only = team
            .get("claim-next-only")
            .and_then(|node| mapping::flag(node, "claim-next-only", faults));
        teams.extend(name.zip(title).map(|(name, title)| DeclaredTeam {
            name,
            title,
            claim_next_only: claim_next_only.unwrap_or(false),
        }));
    }
    teams
}
