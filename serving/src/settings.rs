//! Checks of settings, before anything is opened or printed: each invalid one is named, all of them
//! in one error.
//!
//! A server lists its own checks in [`Settings::errors`]; those of the settings that both servers
//! have are here.

use std::net::SocketAddr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing_subscriber::EnvFilter;

use crate::audit::{self, AuditSettings};
pub use crate::error::SettingError;
use crate::hosts::Hosts;
use crate::listener::Protection;
use crate::tls;

/// The settings of a server.
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// Every invalid setting.
    fn errors(&self) -> Vec<SettingError>;
}

/// The settings that both servers have.
#[derive(Clone, Copy, Debug)]
pub struct Common<'s> {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// How it is protected there.
    pub protection: &'s Protection,
    /// What is logged.
    pub log_filter: &'s str,
    /// The audit log.
    pub audit: &'s AuditSettings,
    /// Host names by which clients name the server.
    pub allowed_hosts: &'s [String],
    /// Origins of web pages that may use the server.
    pub web_origins: &'s [String],
}

/// The errors of the settings that both servers have.
#[must_use]
pub fn common_errors(common: Common<'_>) -> Vec<SettingError> {
    let Common {
        listen,
        protection,
        log_filter,
        audit,
        allowed_hosts,
        web_origins,
    } = common;
    let open = protection.check(listen).err();
    let open = open.map(|error| SettingError::new("listen", error.to_string()));
    let of_hosts = Hosts::new(listen, allowed_hosts, &[]).err();
    let of_origins = Hosts::new(listen, &[], web_origins).err();
    [open, log_filter_error(log_filter), of_hosts, of_origins]
        .into_iter()
        .flatten()
        .chain(tls::errors(&protection.tls))
        .chain(audit::errors(audit))
        .collect()
}

/// The error of a log filter, if it has one.
#[must_use]
pub fn log_filter_error(filter: &str) -> Option<SettingError> {
    let error = match EnvFilter::try_new(filter) {
        Err(error) => error.to_string(),
        Ok(_) if filter.contains('[') => "the log cannot be filtered by spans".to_owned(),
        Ok(_) => return None,
    };
    let message = format!(
        "{filter:?} ({error}): give a level such as info, or levels of modules such as info,h2=debug"
    );
    Some(SettingError::new("log_filter", message))
}

/// The errors of settings that are 0 and must not be.
#[must_use]
pub fn zero_errors(settings: &[(&'static str, u64)]) -> Vec<SettingError> {
    let zero = settings.iter().filter(|(_, value)| *value == 0);
    zero.map(|(setting, _)| SettingError::new(setting, "it must be at least 1"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(errors: &[SettingError]) -> Vec<&'static str> {
        errors.iter().map(|error| error.setting).collect()
    }

    #[test]
    fn every_invalid_setting_is_named() {
        let bad = ["a b".to_owned()];
        let bare = Protection::default();
        let insecure = Protection {
            insecure: true,
            ..bare.clone()
        };
        let common = Common {
            listen: SocketAddr::from(([0, 0, 0, 0], 7401)),
            protection: &bare,
            log_filter: "foo=bar=baz",
            audit: &AuditSettings::new("auto", 1, 2),
            allowed_hosts: &bad,
            web_origins: &bad,
        };
        assert_eq!(
            names(&common_errors(common)),
            ["listen", "log_filter", "allowed_hosts", "web_origins"]
        );
        let valid = Common {
            protection: &insecure,
            log_filter: "info,h2=debug",
            allowed_hosts: &[],
            ..common
        };
        assert_eq!(
            names(&common_errors(Common {
                web_origins: &[],
                ..valid
            })),
            [""; 0]
        );
        assert_eq!(names(&zero_errors(&[("one", 1), ("none", 0)])), ["none"]);
    }

    #[test]
    fn a_log_filter_that_cannot_be_read_is_refused() {
        for filter in ["foo=bar=baz", "info,=", "loud=very", "info,[rpc]=debug"] {
            assert!(log_filter_error(filter).is_some(), "{filter}");
        }
        for filter in ["", "info", "warn,h2=debug", "tonic::transport=trace"] {
            assert_eq!(log_filter_error(filter), None, "{filter}");
        }
    }
}
