//! The lines of the audit log: what they say, and their form.
//!
//! Promise: a line is one line in every tool. Control characters, and what ends a line elsewhere, are
//! escaped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use aftercall_identity::{Kind, Proof};
use aftercall_proto::access::v1::Role;
use jiff::Timestamp;
use serde::Serialize;
use tonic::Code;

use crate::log_context::{LogContext, Logged};

/// What a line of the audit log is about.
#[derive(Debug)]
pub(crate) enum Event {
    /// An RPC.
    Rpc {
        /// The RPC, and who sent it.
        context: LogContext,
        /// How it ended.
        code: Code,
        /// The stable name of its error; empty if it has none.
        reason: Box<str>,
        /// How many like it: more than 1 only of refusals that came in a flood.
        count: u64,
    },
    /// Connections that were closed before their first request.
    Connection {
        /// The peer of the newest.
        peer: SocketAddr,
        /// The stable name of the refusal.
        reason: &'static str,
        /// How many since the last such line.
        count: u64,
    },
    /// Lines that could not be kept.
    Lost {
        /// How many.
        count: u64,
    },
}

/// A line, in the order of its fields. Those that are empty are left out.
#[derive(Debug, Default, Serialize)]
struct Line<'e> {
    time: String,
    audit: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    rpc: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    proof: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    actor: &'e str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    resources: BTreeMap<&'static str, Vec<&'e str>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'e str,
    #[serde(skip_serializing_if = "String::is_empty")]
    peer: String,
    /// The member of the cluster that has passed the request on.
    #[serde(skip_serializing_if = "str::is_empty")]
    member: &'e str,
    /// 0 if it is no RPC.
    #[serde(skip_serializing_if = "is_zero")]
    number: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    code: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'e str,
    #[serde(skip_serializing_if = "is_zero")]
    count: u64,
}

impl<'e> Line<'e> {
    /// The same with what is known of an RPC.
    fn of_rpc(self, logged: &Logged<'e>) -> Self {
        let mut line = Self {
            rpc: logged.path,
            proof: logged.notes.proof().map_or("", proof_name),
            actor: logged.actor,
            request_id: logged.request_id,
            peer: logged.peer.to_string(),
            member: logged.member,
            number: logged.number,
            ..self
        };
        if let Some(sender) = logged.notes.sender() {
            line.subject = sender.subject;
            line.name = sender.name;
            line.kind = match sender.kind {
                Some(Kind::Person) => "person",
                Some(Kind::Service) => "service",
                None => "",
            };
            line.roles = sender.roles.iter().map(Role::name).collect();
        }
        for resource in logged.notes.resources() {
            let ids = line.resources.entry(resource.kind).or_default();
            ids.push(&resource.id);
        }
        line
    }

    fn write(&self, lines: &mut Vec<u8>) {
        // It fails only for what has no form in JSON, and these are texts and numbers.
        let json = serde_json::to_string(self).unwrap_or_default();
        lines.extend_from_slice(on_one_line(&json).as_bytes());
        lines.push(b'\n');
    }
}

// The form that Serde wants.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Whether an RPC that ended so was refused access, or refused by a limit.
pub(crate) fn is_refusal(code: Code, reason: &str) -> bool {
    match code {
        Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted => true,
        // A proof that cannot be checked at present.
        Code::Unavailable => reason == "ISSUER_KEYS_MISSING",
        _ => false,
    }
}

impl Event {
    /// Whether it is a refusal; otherwise it is an action.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Rpc { code, reason, .. } => is_refusal(*code, reason),
            Self::Connection { .. } => true,
            Self::Lost { .. } => false,
        }
    }

    /// What refusals that are counted together have in common: who was refused, what, and why;
    /// `None` for what has a line in any case.
    pub(super) fn kind(&self) -> Option<[Box<str>; 3]> {
        let Self::Rpc {
            context, reason, ..
        } = self
        else {
            return None;
        };
        let is_refusal = self.is_refusal();
        let kind = context.logged(|logged| {
            let sender = logged.notes.sender();
            let source = match sender.filter(|sender| !sender.subject.is_empty()) {
                Some(sender) => sender.subject.into(),
                None => logged.peer.ip().to_string().into(),
            };
            [source, logged.path.into(), reason.clone()]
        });
        kind.filter(|_| is_refusal)
    }

    /// The same for so many like it.
    pub(super) fn with_count(mut self, counted: u64) -> Self {
        if let Self::Rpc { count, .. } = &mut self {
            *count = counted;
        }
        self
    }

    /// Adds its line.
    pub(super) fn write(&self, at: SystemTime, lines: &mut Vec<u8>) {
        let bare = Line {
            time: time(at),
            ..Line::default()
        };
        match self {
            Self::Rpc {
                context,
                code,
                reason,
                count,
            } => {
                context.logged(|logged| {
                    let line = Line {
                        audit: if self.is_refusal() {
                            "refusal"
                        } else {
                            "action"
                        },
                        code: code_name(*code),
                        reason,
                        count: if *count > 1 { *count } else { 0 },
                        ..bare
                    };
                    line.of_rpc(logged).write(lines);
                });
            }
            Self::Connection {
                peer,
                reason,
                count,
            } => Line {
                audit: "refusal",
                peer: peer.to_string(),
                reason,
                count: *count,
                ..bare
            }
            .write(lines),
            Self::Lost { count } => Line {
                audit: "lost",
                count: *count,
                ..bare
            }
            .write(lines),
        }
    }
}

fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::None => "none",
        Proof::TokenFile => "token-file",
        Proof::Jwt => "jwt",
        Proof::ClientCertificate => "client-certificate",
    }
}

/// The time in UTC, as RFC 3339 with microseconds.
fn time(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| String::new(), |at| format!("{at:.6}"))
}

/// The name of a code as gRPC writes it: `PERMISSION_DENIED`.
fn code_name(code: Code) -> String {
    let name = format!("{code:?}");
    let mut words = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

/// JSON in which nothing ends a line or moves a cursor. What is escaped here is always inside a
/// text: JSON itself escapes what has a code below 32.
fn on_one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_visible(letter) {
            line.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    }
    line
}

/// Whether it changes neither the line nor the order of what is shown.
fn is_visible(letter: char) -> bool {
    let is_separator = matches!(letter, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !letter.is_control() && !is_separator && !is_direction
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use aftercall_identity::Identity;
    use axum::http::Uri;
    use serde_json::{Value, json};

    use super::*;
    use crate::caller::Caller;

    const HOSTILE: &str =
        "Ann\n{\"audit\":\"action\"}\r\u{1b}[2J\u{9b}\u{85}\u{2028}\u{202e}\0\"\\";

    fn line(event: &Event) -> String {
        let mut lines = Vec::new();
        event.write(
            SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
            &mut lines,
        );
        String::from_utf8(lines).expect("text")
    }

    fn context() -> LogContext {
        let path = Uri::from_static("/aftercall.workflow.v1.OperationsService/StopBatch?x=1");
        LogContext::new(&path, SocketAddr::from(([10, 0, 0, 7], 7)), true)
    }

    #[test]
    fn a_hostile_name_stays_on_one_line() {
        let context = context();
        let identity = Identity {
            subject: HOSTILE.into(),
            name: HOSTILE.into(),
            proof: Proof::Jwt,
            ..Identity::local_operator()
        };
        context.in_scope(|| LogContext::note_caller(Caller::new(Arc::new(identity)), None));
        let line = line(&Event::Rpc {
            context,
            code: Code::PermissionDenied,
            reason: "ROLE_MISSING".into(),
            count: 1,
        });
        let text = line.strip_suffix('\n').expect("an end");
        assert!(text.chars().all(is_visible), "{text:?}");
        let read: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(read["name"], HOSTILE, "nothing of it is lost");
        assert_eq!(read["audit"], "refusal");
        // The control: JSON alone leaves some of them as they are.
        assert!(!json!(HOSTILE).to_string().chars().all(is_visible));
    }

    #[test]
    fn a_line_names_who_did_what_and_when() {
        let line = line(&Event::Rpc {
            context: context(),
            code: Code::FailedPrecondition,
            reason: "BATCH_ENDED".into(),
            count: 1,
        });
        let read: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["time"], "1970-01-01T00:00:01.500000Z");
        assert_eq!(read["audit"], "action");
        assert_eq!(
            read["rpc"],
            "aftercall.workflow.v1.OperationsService/StopBatch"
        );
        assert_eq!(
            (&read["code"], &read["peer"]),
            (&"FAILED_PRECONDITION".into(), &"10.0.0.7:7".into())
        );
        assert_eq!(read["name"], Value::Null);
    }

    #[test]
    fn codes_have_the_names_of_grpc() {
        assert_eq!(code_name(Code::Ok), "OK");
        assert_eq!(code_name(Code::ResourceExhausted), "RESOURCE_EXHAUSTED");
        assert!(is_refusal(Code::Unavailable, "ISSUER_KEYS_MISSING"));
        assert!(!is_refusal(Code::Unavailable, "NOT_READY") && !is_refusal(Code::NotFound, ""));
    }
}
