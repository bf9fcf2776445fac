//! To whom work is handed over.

/// The person or team to whom work is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A person, who holds it afterwards.
    Person {
        /// The person's name.
        name: Box<str>,
        /// How long the claim lasts from now, in milliseconds.
        lease_millis: i64,
    },
    /// A team: all alerts of the instance are for it afterwards, and nobody holds the instance.
    Team {
        /// The team's place in the World's list.
        team: u32,
    },
}
