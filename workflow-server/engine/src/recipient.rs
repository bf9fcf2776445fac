//! The recipient of a hand-over.

/// The recipient of a hand-over: a person, a team, or the teams that it is for already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A person, who gets the claim.
    Person {
        /// The person's name.
        name: Box<str>,
        /// The duration of the claim from now, in milliseconds.
        lease_millis: i64,
    },
    /// A team. All alerts of the instance are then for this team, and nobody has a claim.
    Team {
        /// The team's place in the World's list.
        team: u32,
    },
    /// The teams of its alerts: nobody has a claim.
    Release,
}
