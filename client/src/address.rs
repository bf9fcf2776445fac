//! Addresses of servers, as people write them.
//!
//! Must not: connect.

use http::Uri;

use crate::error::Error;

/// Reads the addresses of one or several servers, with commas between them. Each is kept once.
pub(crate) fn parse_all(addresses: &str) -> Result<Vec<Uri>, Error> {
    let mut uris = Vec::new();
    for address in addresses.split(',') {
        let uri = parse(address.trim())?;
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

/// Reads the address of a server: `127.0.0.1:7402`, which is the same as `http://127.0.0.1:7402`,
/// or `https://calls.example.com:7402`.
fn parse(address: &str) -> Result<Uri, Error> {
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
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong());
    }
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    let is_whole = has_host && matches!(uri.path(), "" | "/") && uri.query().is_none();
    // Port 80 is meant only in a whole URL, never in a name alone.
    if !is_whole || (!has_scheme && uri.port().is_none()) {
        return Err(wrong());
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::has_tls;

    #[test]
    fn a_host_with_a_port_is_enough() {
        for address in [
            "127.0.0.1:7402",
            "http://127.0.0.1:7402",
            "http://127.0.0.1:7402/",
            "HTTP://127.0.0.1:7402",
        ] {
            assert_eq!(
                parse(address).expect(address).authority().expect(address),
                "127.0.0.1:7402"
            );
        }
        for address in [
            "localhost:7402",
            "[::1]:7402",
            "alerter.example:80",
            "http://alerter.example",
            "https://alerter.example",
        ] {
            assert!(parse(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn several_addresses_are_each_kept_once() {
        let uris = parse_all("https://a:1, b:2,https://a:1").expect("addresses");
        assert_eq!(uris, ["https://a:1", "http://b:2"]);
        for wrong in ["", ",", "a:1,", "a:1,,b:2", "a:1;b:2", "a:1,localhost"] {
            assert!(
                matches!(parse_all(wrong), Err(Error::Address { .. })),
                "{wrong}"
            );
        }
    }

    #[test]
    fn https_is_tls() {
        for address in ["https://127.0.0.1:7402", "HTTPS://alerter.example"] {
            assert!(has_tls(&parse(address).expect(address)), "{address}");
        }
        assert!(!has_tls(&parse("alerter.example:443").expect("an address")));
    }

    #[test]
    fn invalid_addresses_are_refused() {
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
                matches!(parse(address), Err(Error::Address { .. })),
                "{address}"
            );
        }
    }
}
