//! The limits that people can set: the name, the default and the meaning of each, in one list. The
//! reasons of the defaults are at [`Limits`].

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::error::SettingError;
use crate::limits::{CONTROL_FRAMES_BURST_SECONDS, Limits};

/// Makes the settings, their options and their list.
macro_rules! limit_settings {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:literal, $variable:literal, $unit:literal;)+) => {
        /// The limits of a server, as its configuration file has them.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct LimitSettings {
            $($(#[doc = $doc])+ pub $name: u32,)+
        }

        impl Default for LimitSettings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl LimitSettings {
            /// Every limit by its name.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u32)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }

        /// Options for limits.
        #[derive(Clone, Debug, Default, Args)]
        pub(crate) struct LimitArgs {
            $($(#[doc = $doc])+ #[arg(long, env = $variable, value_name = $unit)] $name: Option<u32>,)+
        }

        impl LimitArgs {
            /// The given ones by their names.
            pub(crate) fn given(&self) -> Vec<(&'static str, Option<u32>)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

limit_settings! {
    /// Connections at once; the limit of open files bounds them too [default: 10000].
    connections_max = 10_000, "AFTERCALL_CONNECTIONS_MAX", "N";
    /// Connections at once from one address; a loopback address is not counted [default: 256].
    connections_per_address_max = 256, "AFTERCALL_CONNECTIONS_PER_ADDRESS_MAX", "N";
    /// Seconds that a client may take for the handshake of TLS [default: 5].
    handshake_seconds = 5, "AFTERCALL_HANDSHAKE_SECONDS", "SECONDS";
    /// Seconds until a client must have sent the head of its first request, or the preface of HTTP/2
    /// [default: 10].
    first_request_seconds = 10, "AFTERCALL_FIRST_REQUEST_SECONDS", "SECONDS";
    /// Streams at once on one connection [default: 128, of an alerter-server 1024].
    streams_per_connection_max = 128, "AFTERCALL_STREAMS_PER_CONNECTION_MAX", "N";
    /// Requests of one identity that the server works on at once [default: 4096].
    requests_in_flight_max = 4_096, "AFTERCALL_REQUESTS_IN_FLIGHT_MAX", "N";
    /// Requests that one program may send in a second [default: 100000].
    requests_per_second_max = 100_000, "AFTERCALL_REQUESTS_PER_SECOND_MAX", "N";
    /// Requests that one person may send in a second [default: 1000].
    person_requests_per_second_max = 1_000, "AFTERCALL_PERSON_REQUESTS_PER_SECOND_MAX", "N";
    /// Bytes of one request [default: 1048576, of an alerter-server 262144].
    request_bytes_max = 1_048_576, "AFTERCALL_REQUEST_BYTES_MAX", "BYTES";
    /// Bytes of all headers of one request [default: 16384].
    header_bytes_max = 16_384, "AFTERCALL_HEADER_BYTES_MAX", "BYTES";
    /// Seconds in which a client must have sent a request after its head [default: 10].
    request_read_seconds = 10, "AFTERCALL_REQUEST_READ_SECONDS", "SECONDS";
    /// Bytes of unfinished requests that one connection may hold [default: 16777216].
    unfinished_bytes_per_connection_max = 16_777_216, "AFTERCALL_UNFINISHED_BYTES_PER_CONNECTION_MAX", "BYTES";
    /// Bytes of unfinished requests that all connections may hold; beyond that each may hold 65536
    /// [default: 268435456].
    unfinished_bytes_max = 268_435_456, "AFTERCALL_UNFINISHED_BYTES_MAX", "BYTES";
    /// Bytes of answers that one connection may leave unread before its further requests wait
    /// [default: 4194304, of an alerter-server 67108864].
    unread_bytes_per_connection_max = 4_194_304, "AFTERCALL_UNREAD_BYTES_PER_CONNECTION_MAX", "BYTES";
    /// Bytes of answers that all connections may leave unread; beyond that one that holds more than
    /// 65536 is served nothing more, and beyond four times that all large reads are refused
    /// [default: 268435456].
    unread_bytes_max = 268_435_456, "AFTERCALL_UNREAD_BYTES_MAX", "BYTES";
    /// Seconds without progress after which a client that does not read its answers is cut off
    /// [default: 30].
    stall_seconds = 30, "AFTERCALL_STALL_SECONDS", "SECONDS";
    /// Seconds after which a quiet connection is asked whether it is still there, and within which it
    /// must answer [default: 15].
    keepalive_seconds = 15, "AFTERCALL_KEEPALIVE_SECONDS", "SECONDS";
    /// Seconds in which a request must be answered [default: 10].
    request_seconds = 10, "AFTERCALL_REQUEST_SECONDS", "SECONDS";
    /// Seconds in which a request that takes long must be answered, such as an export [default: 60].
    long_request_seconds = 60, "AFTERCALL_LONG_REQUEST_SECONDS", "SECONDS";
    /// Seconds, more or less a tenth, after which the client of a connection is asked to open another
    /// one; 0 for never [default: 1800].
    connection_age_seconds = 1_800, "AFTERCALL_CONNECTION_AGE_SECONDS", "SECONDS";
    /// Seconds that requests of such a connection may still take [default: 60].
    connection_grace_seconds = 60, "AFTERCALL_CONNECTION_GRACE_SECONDS", "SECONDS";
    /// Frames without content that a connection may send in a second, beyond those that belong to
    /// its requests [default: 50].
    control_frames_per_second_max = 50, "AFTERCALL_CONTROL_FRAMES_PER_SECOND_MAX", "N";
    /// Requests that a connection may reset in a second [default: 128, of an alerter-server 1024].
    resets_per_second_max = 128, "AFTERCALL_RESETS_PER_SECOND_MAX", "N";
    /// Requests with errors of HTTP/2 that one connection may send in its life [default: 256].
    faulty_resets_max = 256, "AFTERCALL_FAULTY_RESETS_MAX", "N";
}

impl LimitSettings {
    /// The errors of limits that are 0 and must not be.
    #[must_use]
    pub fn errors(&self) -> Vec<SettingError> {
        let all = self.all().into_iter();
        let zero = all.filter(|(name, value)| *value == 0 && *name != MAY_BE_ZERO);
        zero.map(|(setting, _)| SettingError::new(setting, "it must be at least 1"))
            .collect()
    }

    /// What a server with these settings allows.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let control_frames = self.control_frames_per_second_max;
        Limits {
            connections_max: self.connections_max as usize,
            connections_per_address_max: self.connections_per_address_max as usize,
            handshake_max: seconds(self.handshake_seconds),
            greeting_max: seconds(self.first_request_seconds),
            streams_per_connection_max: self.streams_per_connection_max,
            requests_in_flight_max: self.requests_in_flight_max,
            requests_per_second_max: self.requests_per_second_max,
            person_requests_per_second_max: self.person_requests_per_second_max,
            header_bytes_max: self.header_bytes_max,
            request_read_max: seconds(self.request_read_seconds),
            unfinished_bytes_per_connection_max: self.unfinished_bytes_per_connection_max as usize,
            unfinished_bytes_max: self.unfinished_bytes_max as usize,
            unread_bytes_per_connection_max: self.unread_bytes_per_connection_max as usize,
            unread_bytes_max: self.unread_bytes_max as usize,
            stall_max: Some(seconds(self.stall_seconds)),
            keepalive: seconds(self.keepalive_seconds),
            request_max: seconds(self.request_seconds),
            long_request_max: seconds(self.long_request_seconds),
            connection_age_max: Some(seconds(self.connection_age_seconds))
                .filter(|age| !age.is_zero()),
            connection_grace: seconds(self.connection_grace_seconds),
            control_frames_per_second_max: control_frames,
            control_frames_burst: control_frames.saturating_mul(CONTROL_FRAMES_BURST_SECONDS),
            resets_burst: self.resets_per_second_max,
            faulty_resets_max: self.faulty_resets_max as usize,
            ..Limits::default()
        }
    }
}

/// The limit whose 0 means none.
const MAY_BE_ZERO: &str = "connection_age_seconds";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_settings_are_the_default_limits() {
        let settings = LimitSettings::default();
        assert_eq!(
            format!("{:?}", settings.limits()),
            format!("{:?}", Limits::default())
        );
        assert!(settings.errors().is_empty());
        let none = LimitSettings {
            request_seconds: 0,
            ..settings
        };
        assert_eq!(none.errors()[0].setting, "request_seconds");
    }
}
