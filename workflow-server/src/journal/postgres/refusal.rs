//! Why a connection to a database is refused, by the database or by this program, and what to do.
//!
//! A refusal does not pass: a person must correct something. All other errors of a connection may
//! pass, such as those of a database that starts.

use std::error::Error as _;
use std::io;

use rustls::{CertificateError, Error as TlsError};
use tokio_postgres::Error;

const PASSWORD: &str = "check the user and the password: it comes from PGPASSWORD, from the file of PGPASSFILE, or from the file of --store-file";
const ACCESS: &str = "correct the user, or allow it in pg_hba.conf of the database, which may require TLS (sslmode) or a client certificate (sslcert, sslkey)";
const DATABASE: &str = "create the database, or correct its name";
const RIGHTS: &str = "grant this user the right to connect to the database";
const AUTHORITY: &str = "name the file of the CA that signed it with sslrootcert";
const NAME: &str = "use the host name for which the certificate is, or give the database a certificate for this name";
const EXPIRED: &str = "renew the certificate of the database, and check the clocks";
const CLIENT: &str = "give a client certificate that it accepts with sslcert and sslkey";
const NO_TLS: &str =
    "set ssl=on in the database, or use sslmode=disable if nobody else can reach its network";
const TLS: &str = "check its certificate and sslmode";

/// The reason, with what to do. `None` for an error that may pass.
pub(super) fn refusal(error: &Error) -> Option<String> {
    let advice = advice(error)?;
    Some(format!("{}: {advice}", reason(error)))
}

fn advice(error: &Error) -> Option<&'static str> {
    if let Some(refusal) = error.as_db_error() {
        return match refusal.code().code() {
            "28P01" => Some(PASSWORD),
            code if code.starts_with("28") => Some(ACCESS),
            "3D000" => Some(DATABASE),
            "42501" => Some(RIGHTS),
            _ => None,
        };
    }
    if let Some(refused) = tls_error(error) {
        return Some(match refused {
            TlsError::InvalidCertificate(found) => of_certificate(found),
            TlsError::AlertReceived(_) => CLIENT,
            _ => TLS,
        });
    }
    // The kinds of these errors are private.
    let text = reason(error);
    [
        ("password missing", PASSWORD),
        ("authentication error", ACCESS),
        ("does not support TLS", NO_TLS),
    ]
    .into_iter()
    .find_map(|(part, advice)| text.contains(part).then_some(advice))
}

fn of_certificate(found: &CertificateError) -> &'static str {
    match found {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => NAME,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => EXPIRED,
        CertificateError::UnknownIssuer | CertificateError::BadSignature => AUTHORITY,
        _ => TLS,
    }
}

/// The error of TLS among the causes.
fn tls_error(error: &Error) -> Option<&TlsError> {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let found = inner.and_then(|inner| inner.downcast_ref());
        if found.is_some() {
            return found;
        }
        cause = error.source();
    }
    None
}

/// Whether the name of the host is not known to the name service.
pub(super) fn is_unknown_host(error: &Error) -> bool {
    // The standard library has no kind for it.
    reason(error).contains("failed to lookup address information")
}

/// The error with its causes. The server's own text says most.
pub(super) fn reason(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    text
}
