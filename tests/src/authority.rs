//! Certificates for tests: a CA, and what it signs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

/// A CA.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A CA with a key of its own.
    pub fn create() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "a CA of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of a server on this machine.
    pub fn server(&self) -> Pair {
        self.sign(
            Self::of_this_machine(),
            vec![ExtendedKeyUsagePurpose::ServerAuth],
        )
    }

    /// The same of a member of a cluster, which is also a client of the others.
    pub fn member(&self) -> Pair {
        let usages = [
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.sign(Self::of_this_machine(), usages.into())
    }

    fn of_this_machine() -> CertificateParams {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        CertificateParams::new(names).expect("names")
    }

    /// A certificate of a client with this common name.
    pub fn client(&self, name: &str) -> Pair {
        self.sign_client(name, CertificateParams::default())
    }

    /// The same, valid from the first time to the second.
    pub fn client_between(&self, name: &str, (from, until): (SystemTime, SystemTime)) -> Pair {
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (from.into(), until.into());
        self.sign_client(name, params)
    }

    fn sign_client(&self, name: &str, mut params: CertificateParams) -> Pair {
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params, vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    fn sign(&self, mut params: CertificateParams, usages: Vec<ExtendedKeyUsagePurpose>) -> Pair {
        params.extended_key_usages = usages;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Pair {
    /// Writes both into a directory; the paths of certificate and key.
    pub fn write(&self, dir: &Path) -> (PathBuf, PathBuf) {
        let paths = (dir.join("tls.crt"), dir.join("tls.key"));
        fs::write(&paths.0, &self.certificate).expect("written");
        fs::write(&paths.1, &self.key).expect("written");
        paths
    }
}
