//! The access file: which issuers of JWTs are trusted, what their claims mean, and who a client
//! certificate is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use aftercall_proto::access::v1::Role;
use aftercall_scope::Scope;
use serde::Deserialize;

use crate::certificate::CertificateNames;
use crate::denied::{Denied, DeniedProof, Holder};
use crate::https::check_issuer_address;
use crate::identity::{Identity, Kind, Proof};
use crate::roles::Roles;
use crate::token_file::{TokenKind, role_names};

/// The content of an access file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessFile {
    /// Issuers whose JWTs are trusted.
    #[serde(default, rename = "issuer")]
    pub issuers: Vec<Issuer>,
    /// Who the client certificates are.
    #[serde(default, rename = "certificate")]
    pub certificates: Vec<CertificateRule>,
}

/// An issuer whose JWTs are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// A token needs one of them in its `aud`.
    pub audiences: Vec<String>,
    /// HTTPS address of its keys, a JWKS.
    pub keys_url: Option<String>,
    /// A file with its keys, instead of the address.
    pub keys_file: Option<PathBuf>,
    /// A file with the CA of the address; without one the system's CAs are trusted.
    pub ca_file: Option<PathBuf>,
    /// Where the claims are.
    #[serde(default)]
    pub claims: Claims,
    /// Which roles the issuer's own roles are: `calls-agent = ["agent"]`. Without an entry a role
    /// of the same name counts.
    #[serde(default)]
    pub roles: BTreeMap<String, Vec<String>>,
    /// Which teams the issuer's own groups are. Where there are entries, other groups are no teams.
    #[serde(default)]
    pub teams: BTreeMap<String, String>,
    /// Subjects of its tokens that are subjects of this server: `"8f3a" = "ann"` means that what
    /// belongs to the token or the certificate named ann also belongs to this person.
    #[serde(default)]
    pub subjects: BTreeMap<String, String>,
    /// Roles whose identities see all teams and customers also if their tokens name none. Others
    /// without a team or a customer are refused, if the claims for them are set.
    #[serde(default)]
    pub unscoped_roles: Vec<String>,
}

/// Where the claims of a JWT are: names, with dots between levels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    /// Stable id.
    pub subject: String,
    /// Name that histories show; the subject is used if it is missing. People must not be able to
    /// change it for themselves.
    pub name: String,
    /// List of roles.
    pub roles: String,
    /// List of teams, or of groups that [`Issuer::teams`] names; empty if tokens have none.
    pub teams: String,
    /// List of customers; empty if tokens have none.
    pub customers: String,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            name: "preferred_username".to_owned(),
            roles: "roles".to_owned(),
            teams: String::new(),
            customers: String::new(),
        }
    }
}

/// Who a client certificate is. It names exactly one of `common_name`, `dns`, `uri` and `email`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRule {
    /// Common name of the certificate's subject.
    pub common_name: Option<String>,
    /// DNS name among its alternative names.
    pub dns: Option<String>,
    /// URI among them, such as a SPIFFE id.
    pub uri: Option<String>,
    /// Mail address among them.
    pub email: Option<String>,
    /// Name of the person or program.
    pub name: String,
    /// Whether it is a person.
    #[serde(default = "service")]
    pub kind: TokenKind,
    /// What it may do.
    pub roles: Vec<String>,
    /// Customers that it may see; empty for all.
    #[serde(default)]
    pub customers: Vec<String>,
    /// Teams that it may see; empty for all.
    #[serde(default)]
    pub teams: Vec<String>,
}

fn service() -> TokenKind {
    TokenKind::Service
}

/// The refusal of a certificate that no rule names. Its names are verified, and are of help to those who
/// write the rules.
fn unknown(certificate: &CertificateNames) -> DeniedProof {
    let CertificateNames {
        common_names,
        dns,
        uris,
        emails,
        ..
    } = certificate;
    let mut names = [common_names, dns, uris, emails].into_iter().flatten();
    let Some(name) = names.next() else {
        return Denied::UnknownCertificate.into();
    };
    Denied::UnknownCertificate.of(Holder {
        subject: "".into(),
        name: name.as_str().into(),
        kind: None,
        roles: Roles::default(),
    })
}

impl AccessFile {
    /// Reads the text of an access file.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (at, issuer) in file.issuers.iter().enumerate() {
            issuer.check()?;
            let mut others = file.issuers[..at].iter();
            if others.any(|other| other.issuer == issuer.issuer) {
                return Err(format!("issuer {:?} is there twice", issuer.issuer));
            }
        }
        for rule in &file.certificates {
            rule.check()?;
        }
        Ok(file)
    }

    /// Who a client certificate is: by the first rule that names it.
    ///
    /// # Errors
    /// [`Denied::UnknownCertificate`], [`Denied::Expired`].
    pub(crate) fn holder(
        &self,
        certificate: &CertificateNames,
        now: SystemTime,
    ) -> Result<Arc<Identity>, DeniedProof> {
        let rule = self
            .certificates
            .iter()
            .find(|rule| rule.is_for(certificate));
        let Some(rule) = rule else {
            return Err(unknown(certificate));
        };
        let identity = Identity {
            subject: rule.name.as_str().into(),
            name: rule.name.as_str().into(),
            kind: match rule.kind {
                TokenKind::Person => Kind::Person,
                TokenKind::Service => Kind::Service,
            },
            // They were checked when the file was read.
            roles: rule
                .roles
                .iter()
                .filter_map(|role| Role::named(role))
                .collect(),
            scope: Scope::new(&rule.customers, &rule.teams),
            proof: Proof::ClientCertificate,
            expires_at: certificate.expires_at,
        };
        if certificate.expires_at.is_some_and(|end| end <= now) {
            return Err(Denied::Expired.of(&identity));
        }
        Ok(Arc::new(identity))
    }
}

impl Issuer {
    fn check(&self) -> Result<(), String> {
        let of = |reason: String| Err(format!("issuer {:?}: {reason}", self.issuer));
        if self.issuer.is_empty() {
            return of("give the `iss` of its tokens as `issuer`".to_owned());
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return of("name the audience of its tokens in `audiences`".to_owned());
        }
        match (&self.keys_url, &self.keys_file) {
            (Some(url), None) => {
                if let Err(reason) = check_issuer_address(url) {
                    return of(format!("keys_url {reason}"));
                }
            }
            (None, Some(_)) => {}
            _ => return of("give either keys_url or keys_file".to_owned()),
        }
        if let Some((subject, _)) = self.subjects.iter().find(|(_, own)| own.is_empty()) {
            return of(format!("`subjects` has no subject for {subject:?}"));
        }
        let names = self.roles.values().flatten().chain(&self.unscoped_roles);
        for name in names {
            if Role::named(name).is_none() {
                return of(format!("there is no role {name:?}: {}", role_names()));
            }
        }
        Ok(())
    }
}

impl CertificateRule {
    fn check(&self) -> Result<(), String> {
        let of = |reason: String| Err(format!("certificate of {:?}: {reason}", self.name));
        let names = [&self.common_name, &self.dns, &self.uri, &self.email];
        if names.into_iter().flatten().count() != 1 {
            return of("give exactly one of common_name, dns, uri and email".to_owned());
        }
        let roles: Option<Roles> = self.roles.iter().map(|role| Role::named(role)).collect();
        match roles {
            Some(roles) if !roles.is_empty() && !self.name.is_empty() => Ok(()),
            _ => of(format!("it needs a name and roles: {}", role_names())),
        }
    }

    fn is_for(&self, certificate: &CertificateNames) -> bool {
        let has = |name: &Option<String>, names: &[String]| {
            name.as_ref().is_some_and(|name| names.contains(name))
        };
        has(&self.common_name, &certificate.common_names)
            || has(&self.dns, &certificate.dns)
            || has(&self.uri, &certificate.uris)
            || has(&self.email, &certificate.emails)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = r#"
        [[issuer]]
        issuer = "https://login.example.com"
        audiences = ["aftercall"]
        keys_url = "https://login.example.com/keys"
        claims = { roles = "realm_access.roles", teams = "groups" }
        roles = { calls-agent = ["agent"] }
    "#;

    const CERTIFICATE: &str = r#"
        [[certificate]]
        dns = "engine.example.com"
        name = "engine-1"
        roles = ["script-engine"]
        customers = ["Acme"]
    "#;

    #[test]
    fn claims_that_are_not_named_have_their_usual_places() {
        let file = AccessFile::read(ISSUER).expect("valid");
        let claims = &file.issuers[0].claims;
        assert_eq!(
            (claims.subject.as_str(), claims.name.as_str()),
            ("sub", "preferred_username")
        );
        assert_eq!(claims.roles, "realm_access.roles");
    }

    #[test]
    fn a_certificate_is_who_the_first_rule_says() {
        let file = AccessFile::read(CERTIFICATE).expect("valid");
        let names = |dns: &str| CertificateNames {
            dns: vec![dns.to_owned()],
            ..CertificateNames::default()
        };
        let now = SystemTime::now();
        let identity = file
            .holder(&names("engine.example.com"), now)
            .expect("known");
        assert_eq!(&*identity.name, "engine-1");
        assert!(identity.roles.has(Role::ScriptEngine) && !identity.roles.has(Role::Operator));
        assert!(identity.scope.has_customer("Acme") && !identity.scope.has_customer("Zeta"));
        assert_eq!(
            file.holder(&names("other.example.com"), now),
            Err(Denied::UnknownCertificate.of(Holder {
                subject: "".into(),
                name: "other.example.com".into(),
                kind: None,
                roles: Roles::default(),
            }))
        );
        let ended = CertificateNames {
            expires_at: Some(now),
            ..names("engine.example.com")
        };
        assert_eq!(
            file.holder(&ended, now),
            Err(Denied::Expired.of(&*identity))
        );
    }

    #[test]
    fn the_examples_of_the_guide_are_valid() {
        let guide = include_str!("../../docs/security.md");
        let examples = guide.split("```toml\n").skip(1);
        let examples = examples.filter_map(|rest| rest.split("```").next());
        let files = examples.map(|text| AccessFile::read(text).expect("valid"));
        let issuers = files.map(|file| file.issuers.len());
        assert!(issuers.sum::<usize>() >= 2);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (valid, part, other) in [
            (ISSUER, "\"agent\"", "\"boss\""),
            (
                ISSUER,
                "https://login.example.com/keys",
                "http://login.example.com/keys",
            ),
            (
                ISSUER,
                "https://login.example.com/keys",
                "http://127.0.0.1.evil.example/keys",
            ),
            (ISSUER, "audiences = [\"aftercall\"]", "audiences = []"),
            (ISSUER, "audiences = [\"aftercall\"]", "audiences = [\"\"]"),
            (ISSUER, "keys_url", "keys_uri"),
            (
                ISSUER,
                "issuer = \"https://login.example.com\"",
                "issuer = \"\"",
            ),
            (ISSUER, ISSUER, &[ISSUER, ISSUER].concat()),
            (CERTIFICATE, "script-engine", "boss"),
            (CERTIFICATE, "dns = \"engine.example.com\"", ""),
            (CERTIFICATE, "dns =", "common_name = \"engine\"\ndns ="),
        ] {
            assert!(AccessFile::read(valid).is_ok());
            let refused = AccessFile::read(&valid.replace(part, other));
            assert!(refused.is_err(), "{part} as {other}");
        }
    }
}
