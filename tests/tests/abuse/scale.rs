//! How long and how large the attacks are.

use std::time::Duration;

/// From so many seconds on, the other client's calls are compared with those before the attack.
const TIMED_SECONDS_MIN: u64 = 10;

/// How long each attack lasts, and how many idle connections there are.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) attack: Duration,
    /// How long the other client is watched before an attack.
    pub(crate) quiet: Duration,
    pub(crate) idle_connections: usize,
    /// Whether a table is printed.
    pub(crate) is_full: bool,
    /// Whether the times of the other client are checked.
    pub(crate) is_timed: bool,
    /// Whether slow readers stay until the server has ended one of their streams.
    pub(crate) waits_for_stalls: bool,
}

impl Scale {
    pub(crate) fn of_environment() -> Self {
        let seconds = std::env::var("AFTERCALL_ABUSE_SECONDS");
        match seconds.ok().and_then(|text| text.parse().ok()) {
            Some(seconds) => Self {
                attack: Duration::from_secs(seconds),
                quiet: Duration::from_secs(5),
                idle_connections: 10_000,
                is_full: true,
                is_timed: seconds >= TIMED_SECONDS_MIN,
                waits_for_stalls: true,
            },
            None => Self {
                attack: Duration::from_secs(2),
                quiet: Duration::from_millis(100),
                idle_connections: 500,
                is_full: false,
                is_timed: false,
                waits_for_stalls: true,
            },
        }
    }

    /// The settings of a server under such attacks: these, and usual ones beside them.
    pub(crate) fn settings(self, own: &[&str]) -> Vec<String> {
        // The places of the attack and of everybody else.
        let connections = (self.idle_connections + 2_000).to_string();
        let mut usual = vec![("--connections-max", connections.as_str())];
        // The attack must be longer than what ends it.
        let seconds = if self.is_full { "5" } else { "1" };
        for setting in [
            "--handshake-seconds",
            "--first-request-seconds",
            "--stall-seconds",
        ] {
            usual.push((setting, seconds));
        }
        usual.retain(|(name, _)| !own.contains(name));
        let usual = usual.into_iter().flat_map(|(name, value)| [name, value]);
        usual
            .chain(own.iter().copied())
            .map(str::to_owned)
            .collect()
    }
}
