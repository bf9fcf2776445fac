//! What the claims of a token mean: a name, roles and a scope.
//!
//! Promise: a claim that is missing never gives more than one that is there.

use aftercall_proto::access::v1::Role;
use aftercall_scope::Scope;
use aftercall_text::key;
use serde_json::Value;

use crate::access_file::Issuer;
use crate::denied::{Denied, DeniedProof, Holder};
use crate::identity::{Identity, Kind, Proof};
use crate::jwt::token::{end, invalid};
use crate::roles::Roles;

/// Characters of a name: it is shown in histories.
const NAME_CHARS_MAX: usize = 200;

/// Characters of a subject, as OpenID Connect limits it.
const SUBJECT_CHARS_MAX: usize = 255;

/// Roles of programs.
const OF_PROGRAMS: [Role; 4] = [
    Role::ScriptEngine,
    Role::Alerter,
    Role::Display,
    Role::Member,
];

/// Whose claims they are.
///
/// # Errors
/// [`Denied::Invalid`].
pub(super) fn identity(claims: &Value, issuer: &Issuer) -> Result<Identity, DeniedProof> {
    let holder = holder(claims, issuer)?;
    let Some(kind) = holder.kind else {
        let reason = "none of its roles is one of this server: see `roles` of the access file";
        return Err(Denied::Invalid { reason }.of(holder));
    };
    let places = &issuer.claims;
    let teams = texts(claims, &places.teams).into_iter();
    let teams: Vec<String> = teams.filter_map(|group| team(group, issuer)).collect();
    let customers = texts(claims, &places.customers);
    let is_unscoped = issuer
        .unscoped_roles
        .iter()
        .any(|name| Role::named(name).is_some_and(|role| holder.roles.has(role)));
    // An empty list is a scope of everything.
    if !is_unscoped && !places.teams.is_empty() && teams.is_empty() {
        let reason = "it names no team, and its roles are not among `unscoped_roles`";
        return Err(Denied::Invalid { reason }.of(holder));
    }
    if !is_unscoped && !places.customers.is_empty() && customers.is_empty() {
        let reason = "it names no customer, and its roles are not among `unscoped_roles`";
        return Err(Denied::Invalid { reason }.of(holder));
    }
    Ok(Identity {
        subject: holder.subject,
        name: holder.name,
        kind,
        roles: holder.roles,
        scope: Scope::new(&customers, &teams),
        proof: Proof::Jwt,
        expires_at: end(claims),
    })
}

/// The refusal of a token with these claims for another reason.
pub(super) fn denied(why: Denied, claims: Result<Identity, DeniedProof>) -> DeniedProof {
    let holder = match claims {
        Ok(identity) => Some(Box::new(Holder::from(&identity))),
        Err(denied) => denied.holder,
    };
    DeniedProof { why, holder }
}

/// Who the claims name. The kind is known from the roles.
fn holder(claims: &Value, issuer: &Issuer) -> Result<Holder, Denied> {
    let places = &issuer.claims;
    let text = |place: &str| at(claims, place).and_then(Value::as_str);
    let Some(subject) = text(&places.subject).filter(|subject| is_subject(subject)) else {
        return invalid("it names no subject (`sub`) of 1 to 255 visible characters");
    };
    let name = text(&places.name).map(name).filter(|name| !name.is_empty());
    let roles = roles(&texts(claims, &places.roles), issuer);
    let is_program = roles.iter().all(|role| OF_PROGRAMS.contains(&role));
    let kind = match is_program {
        true => Kind::Service,
        false => Kind::Person,
    };
    Ok(Holder {
        subject: match issuer.subjects.get(subject) {
            Some(own) => own.as_str().into(),
            // Another issuer may give the same subject to somebody else.
            None => format!("{}#{subject}", issuer.issuer).into(),
        },
        name: name.unwrap_or_else(|| subject.to_owned()).into(),
        kind: (!roles.is_empty()).then_some(kind),
        roles,
    })
}

fn roles(names: &[String], issuer: &Issuer) -> Roles {
    let mut roles = Vec::new();
    for name in names {
        match issuer.roles.get(name) {
            Some(mapped) => roles.extend(mapped.iter().filter_map(|role| Role::named(role))),
            None => roles.extend(Role::named(name)),
        }
    }
    roles.into_iter().collect()
}

fn team(group: String, issuer: &Issuer) -> Option<String> {
    if issuer.teams.is_empty() {
        return Some(group);
    }
    issuer.teams.get(&group).cloned()
}

/// The claim at a place: a name, or names with dots between levels. A name may have dots itself.
fn at<'a>(value: &'a Value, place: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(place) {
        return Some(found);
    }
    place.match_indices('.').find_map(|(dot, _)| {
        let inner = value.get(&place[..dot])?;
        at(inner, &place[dot + 1..])
    })
}

/// The texts of a claim: a list, or one text.
fn texts(claims: &Value, place: &str) -> Vec<String> {
    if place.is_empty() {
        return Vec::new();
    }
    let texts = match at(claims, place) {
        Some(Value::String(text)) => vec![cleaned(text)],
        Some(Value::Array(values)) => {
            let texts = values.iter().filter_map(Value::as_str);
            texts.map(cleaned).collect()
        }
        _ => Vec::new(),
    };
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

/// A text as a request has it: nothing in it is invisible.
fn cleaned(text: &str) -> String {
    key(text).trim().to_owned()
}

/// A name that can be shown on one line.
fn name(text: &str) -> String {
    let text = key(text);
    let seen = text.chars().filter(|c| !c.is_control());
    let name: String = seen.take(NAME_CHARS_MAX).collect();
    name.trim().to_owned()
}

/// Whether it can be a subject. It is never changed: two subjects must not become one.
fn is_subject(text: &str) -> bool {
    let length = text.chars().count();
    (1..=SUBJECT_CHARS_MAX).contains(&length) && !text.chars().any(char::is_control)
}
