//! The trial CA, and what it signs.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::files::{Pair, Pem, write};
use crate::errors::Failure;

/// For how long a certificate of a server or a client is valid: browsers accept no more than 398
/// days.
pub(super) const VALID_DAYS: i64 = 365;

/// For how long the CA is valid.
const CA_VALID_DAYS: i64 = 3_650;

const CA_NAME: &str = "Aftercall trial CA";

/// A CA that can sign.
pub(super) struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// The CA of a directory, and whether it is new.
    pub(super) fn of_directory(files: &Pair) -> Result<(Self, bool), Failure> {
        let [has_certificate, has_key] = files.paths().map(std::path::Path::exists);
        match (has_certificate, has_key) {
            (true, true) => Ok((Self::read(files)?, false)),
            (false, false) => Ok((Self::create(files)?, true)),
            (is_certificate, _) => {
                let [certificate, key] = files.paths().map(std::path::Path::display);
                let (there, missing) = if is_certificate {
                    (certificate, key)
                } else {
                    (key, certificate)
                };
                Err(Failure::refused(format!(
                    "{there} exists without {missing}: add it, or use another --directory."
                )))
            }
        }
    }

    fn read(files: &Pair) -> Result<Self, Failure> {
        let read = |path: &std::path::Path| {
            std::fs::read_to_string(path).map_err(|error| {
                Failure::refused(format!("{} cannot be read: {error}.", path.display()))
            })
        };
        let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
        let invalid = |path: &std::path::Path, error: &rcgen::Error| {
            Failure::refused(format!("{} is invalid: {error}.", path.display()))
        };
        let key = KeyPair::from_pem(&key).map_err(|error| invalid(&files.key, &error))?;
        Issuer::from_ca_cert_pem(&certificate, key)
            .map(Self)
            .map_err(|error| invalid(&files.certificate, &error))
    }

    fn create(files: &Pair) -> Result<Self, Failure> {
        let mut params = params(&[], CA_VALID_DAYS)?;
        params.distinguished_name.push(DnType::CommonName, CA_NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        let pem = Pem {
            certificate: params.self_signed(&key).map_err(failed)?.pem(),
            key: key.serialize_pem(),
        };
        write(files, &pem)?;
        Ok(Self(Issuer::new(params, key)))
    }

    /// A certificate of servers that are reached by these names.
    pub(super) fn server<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Pem, Failure> {
        let mut unique: Vec<&str> = Vec::new();
        for name in names {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        let mut params = params(&unique, VALID_DAYS)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "Aftercall server");
        // A member of a cluster is also a client of the others.
        let usages = [
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.sign(params, usages.into())
    }

    /// A certificate of a client with this common name.
    pub(super) fn client(&self, name: &str) -> Result<Pem, Failure> {
        let mut params = params(&[], VALID_DAYS)?;
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params, vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Pem, Failure> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.0).map_err(failed)?;
        Ok(Pem {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// A certificate for these names, valid from yesterday: clocks of other machines may be behind.
fn params(names: &[&str], valid_days: i64) -> Result<CertificateParams, Failure> {
    let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let today = Timestamp::now().to_zoned_datetime(TimeZone::UTC).date();
    let rcgen_time =
        |date: Date| date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8);
    params.not_before = rcgen_time(today.saturating_sub(1.day()));
    params.not_after = rcgen_time(today.saturating_add(valid_days.days()));
    Ok(params)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: rcgen::Error) -> Failure {
    Failure::refused(format!("A certificate cannot be made: {error}."))
}
