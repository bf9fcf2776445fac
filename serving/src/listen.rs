//! Where a server listens, as people write it.
//!
//! Promise: a name such as `localhost` is accepted beside an IP address. Must not: bind.

use std::net::{SocketAddr, ToSocketAddrs as _};

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

/// Reads `127.0.0.1:7401`, `[::1]:7401` or `localhost:7401`; of a name with several addresses the
/// first of IPv4 is taken.
///
/// # Errors
/// A sentence that says how to write it.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text
        .rsplit_once(':')
        .and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
    if port.is_none() {
        return Err(format!(
            "`{text}` has no address and port; write 127.0.0.1:7401 or localhost:7401"
        ));
    }
    let found = text
        .to_socket_addrs()
        .map_err(|error| format!("`{text}` has no address ({error})"))?;
    let addresses: Vec<SocketAddr> = found.collect();
    let first = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    first
        .copied()
        .ok_or_else(|| format!("`{text}` has no address"))
}

/// The same in a configuration file.
///
/// # Errors
/// As [`parse_listen`].
pub fn deserialize_listen<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SocketAddr, D::Error> {
    parse_listen(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted_beside_addresses() {
        assert_eq!(
            parse_listen("127.0.0.1:0"),
            Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
        );
        assert_eq!(
            parse_listen("[::1]:7401").map(|address| address.is_ipv6()),
            Ok(true)
        );
        let local = parse_listen("localhost:7401").expect("every machine has one");
        assert!(local.ip().is_loopback() && local.port() == 7_401, "{local}");
        for wrong in [
            "",
            "localhost",
            "7401",
            ":7401",
            "localhost:port",
            "127.0.0.1",
            "a b:1",
        ] {
            assert!(parse_listen(wrong).is_err(), "{wrong}");
        }
    }
}
