//! Which names a server answers to, and which web pages may use it.
//!
//! A web page can give its own name the address 127.0.0.1 ("DNS rebinding"), and its requests then
//! reach a server that listens there. They carry the page's name as host, and mostly the page as
//! origin: both are checked, on HTTP/1.1 and HTTP/2 alike, for probes too. An address in the place
//! of the name cannot be rebound.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Request};

use crate::error::SettingError;
use crate::refusal::Refusal;

/// The names and the origins of one server.
#[derive(Debug)]
pub(crate) struct Hosts {
    listen: IpAddr,
    names: Vec<Authority>,
    origins: Vec<HeaderValue>,
}

impl Hosts {
    /// Reads the settings.
    ///
    /// # Errors
    /// The invalid setting, and what it should be.
    pub(crate) fn new(
        listen: SocketAddr,
        names: &[String],
        origins: &[String],
    ) -> Result<Self, SettingError> {
        let name = |name: &String| {
            let hint = || {
                invalid(
                    "allowed_hosts",
                    name,
                    "a host name such as calls.example.com",
                )
            };
            name.parse::<Authority>()
                .ok()
                .filter(|name| !name.host().is_empty())
                .ok_or_else(hint)
        };
        let origin = |origin: &String| {
            let hint = || {
                invalid(
                    "web_origins",
                    origin,
                    "an origin such as https://desk.example.com",
                )
            };
            let uri = origin.parse::<axum::http::Uri>().ok();
            let whole = uri.is_some_and(|uri| uri.scheme().is_some() && uri.authority().is_some());
            let value = HeaderValue::from_str(&origin.to_ascii_lowercase()).ok();
            value
                .filter(|_| whole && !origin.ends_with('/'))
                .ok_or_else(hint)
        };
        let names = names.iter().map(name).collect::<Result<_, _>>()?;
        let origins = origins.iter().map(origin).collect::<Result<_, _>>()?;
        Ok(Self {
            listen: listen.ip().to_canonical(),
            names,
            origins,
        })
    }

    /// The origins that may use gRPC-Web.
    pub(crate) fn origins(&self) -> &[HeaderValue] {
        &self.origins
    }

    /// Checks the host names that the request has for this server, and its origin.
    ///
    /// # Errors
    /// [`Refusal::Host`], [`Refusal::Origin`].
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        self.check_names(request)?;
        for origin in request.headers().get_all(ORIGIN) {
            if !self
                .origins
                .iter()
                .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
            {
                return Err(Refusal::Origin {
                    origin: String::from_utf8_lossy(origin.as_bytes()).into_owned(),
                });
            }
        }
        Ok(())
    }

    /// Checks the host names only: pages have an origin of their own, which they check.
    ///
    /// # Errors
    /// [`Refusal::Host`].
    pub(crate) fn check_names<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let mut named = false;
        if let Some(authority) = request.uri().authority() {
            named = true;
            self.check_host(authority.as_str())?;
        }
        for host in request.headers().get_all(HOST) {
            named = true;
            self.check_host(&String::from_utf8_lossy(host.as_bytes()))?;
        }
        if !named {
            return Err(Refusal::Host {
                host: String::new(),
            });
        }
        Ok(())
    }

    fn check_host(&self, host: &str) -> Result<(), Refusal> {
        let authority = host
            .parse::<Authority>()
            .ok()
            .filter(|authority| !authority.as_str().contains('@'));
        match authority {
            Some(authority) if self.is_allowed(&authority) => Ok(()),
            _ => Err(Refusal::Host {
                host: host.to_owned(),
            }),
        }
    }

    fn is_allowed(&self, authority: &Authority) -> bool {
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>().map(|address| address.to_canonical()) {
            // A server that listens on all addresses does not know which are its own.
            return address.is_loopback() || self.listen == address || self.listen.is_unspecified();
        }
        let is_named = |allowed: &Authority| {
            allowed.host().eq_ignore_ascii_case(host)
                && allowed
                    .port_u16()
                    .is_none_or(|port| authority.port_u16() == Some(port))
        };
        host.eq_ignore_ascii_case("localhost") || self.names.iter().any(is_named)
    }
}

fn invalid(setting: &'static str, value: &str, wanted: &str) -> SettingError {
    SettingError::new(setting, format!("it has {value:?}: give {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(listen: &str, request: axum::http::request::Builder) -> bool {
        let names = ["calls.example.com", "other.example:7401"].map(str::to_owned);
        let listen = SocketAddr::new(listen.parse().expect("an address"), 7401);
        let hosts = Hosts::new(listen, &names, &["https://desk.example".to_owned()])
            .expect("valid settings");
        hosts.check(&request.body(()).expect("a request")).is_ok()
    }

    fn host(host: &str) -> axum::http::request::Builder {
        Request::builder().header(HOST, host)
    }

    #[test]
    fn loopback_and_configured_names_are_allowed_and_no_other() {
        for allowed in [
            "localhost",
            "LOCALHOST:7401",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:7401",
            "calls.example.com:5",
        ] {
            assert!(is_allowed("127.0.0.1", host(allowed)), "{allowed}");
        }
        for refused in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "a@localhost",
            "",
            "other.example:7402",
        ] {
            assert!(!is_allowed("127.0.0.1", host(refused)), "{refused}");
        }
        assert!(
            !is_allowed("127.0.0.1", Request::builder()),
            "no host at all"
        );
        assert!(!is_allowed(
            "127.0.0.1",
            host("localhost").header(HOST, "evil.example")
        ));
        assert!(!is_allowed(
            "127.0.0.1",
            host("localhost").uri("http://evil.example/livez")
        ));
    }

    #[test]
    fn the_address_that_it_listens_on_is_allowed() {
        assert!(is_allowed("10.0.0.1", host("10.0.0.1:7401")));
        assert!(!is_allowed("10.0.0.1", host("10.0.0.2:7401")));
        assert!(
            is_allowed("0.0.0.0", host("10.0.0.2")),
            "any of its addresses"
        );
        assert!(!is_allowed("0.0.0.0", host("evil.example")));
    }

    #[test]
    fn only_configured_origins_are_allowed() {
        assert!(is_allowed(
            "127.0.0.1",
            host("localhost").header(ORIGIN, "https://desk.example")
        ));
        for refused in [
            "http://desk.example",
            "https://evil.example",
            "null",
            "http://localhost:7401",
        ] {
            assert!(
                !is_allowed("127.0.0.1", host("localhost").header(ORIGIN, refused)),
                "{refused}"
            );
        }
    }

    #[test]
    fn invalid_settings_are_refused_by_name() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 7401));
        let refused = Hosts::new(listen, &["a b".to_owned()], &[]).expect_err("not a name");
        assert_eq!(refused.setting, "allowed_hosts", "{refused}");
        for origin in ["desk.example", "https://desk.example/", "*"] {
            let refused = Hosts::new(listen, &[], &[origin.to_owned()]).expect_err("not an origin");
            assert_eq!(refused.setting, "web_origins", "{refused}");
        }
    }
}
