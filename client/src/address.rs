//! Addresses of servers, as people write them.
//!
//! Promise: an address that requires TLS is refused, because plain text would be sent instead. Must
//! not: connect.

use tonic::transport::{Endpoint, Uri};

use crate::error::Error;

/// Reads the address of a server: `127.0.0.1:7402`, or the same as `http://127.0.0.1:7402`.
///
/// # Errors
/// [`Error::NoTls`] for `https://`, [`Error::Address`] for anything else.
pub fn endpoint(address: &str) -> Result<Endpoint, Error> {
    let wrong = || Error::Address {
        address: address.to_owned(),
    };
    let has_scheme = address.contains("://");
    let url = if has_scheme {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(Error::NoTls {
                address: address.to_owned(),
            });
        }
        _ => return Err(wrong()),
    }
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    let is_whole = has_host && matches!(uri.path(), "" | "/") && uri.query().is_none();
    // Port 80 is meant only in a whole URL, never in a name alone.
    if !is_whole || (!has_scheme && uri.port().is_none()) {
        return Err(wrong());
    }
    Ok(Endpoint::from(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_a_port_is_enough() {
        for address in [
            "127.0.0.1:7402",
            "http://127.0.0.1:7402",
            "http://127.0.0.1:7402/",
            "HTTP://127.0.0.1:7402",
        ] {
            assert_eq!(
                endpoint(address)
                    .expect(address)
                    .uri()
                    .authority()
                    .expect(address),
                "127.0.0.1:7402"
            );
        }
        for address in [
            "localhost:7402",
            "[::1]:7402",
            "alerter.example:80",
            "http://alerter.example",
        ] {
            assert!(endpoint(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn tls_and_invalid_addresses_are_refused() {
        for address in ["https://127.0.0.1:7402", "HTTPS://alerter.example"] {
            assert!(
                matches!(endpoint(address), Err(Error::NoTls { .. })),
                "{address}"
            );
        }
        for address in [
            "",
            "localhost",
            ":7402",
            "not an address",
            "ftp://h:1",
            "grpc://h:1",
            "http://",
            "http://h:1/x",
            "h:1/x",
            "h:port",
        ] {
            assert!(
                matches!(endpoint(address), Err(Error::Address { .. })),
                "{address}"
            );
        }
    }
}
