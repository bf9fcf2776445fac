//! The protos say how long each text of a request may be. That is the table: each limit is tried at
//! its edge, in the unit that it names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aftercall_proto::DESCRIPTORS;
use aftercall_tests::{House, ask_encoded, set, with_refund};
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, Value,
};
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::{DEPTH, sound};

/// A character of four bytes, which is one Unicode scalar value.
const WIDE: &str = "\u{1f600}";

/// What some RPCs need before they look at the rest.
const NEEDED: [(&str, &str, &str); 5] = [
    (
        "ImportWorkflow",
        "file",
        "format: 1\nworkflow: tiny\ntitle: Tiny\non_new_call: [ { finish: done } ]\n",
    ),
    ("CreateWorkflow", "title", "Tiny"),
    ("ImportCalendar", "calendar.name", "office"),
    ("ImportCalendar", "calendar.time_zone", "Europe/Berlin"),
    ("EraseCaller", "caller.reference", "C-1"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Characters(usize),
    Bytes(usize),
}

impl Limit {
    /// A text at the limit, and one just beyond it.
    fn edge(self) -> (String, String) {
        match self {
            Self::Characters(max) => (WIDE.repeat(max), WIDE.repeat(max + 1)),
            Self::Bytes(max) => (
                format!("{}{}", WIDE.repeat(max / 4), "x".repeat(max % 4)),
                "x".repeat(max + 1),
            ),
        }
    }
}

/// The limit that a comment names, such as `at most 1,024 characters`.
fn limit_of(comment: &str) -> Option<Limit> {
    let words: Vec<&str> = comment.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let max = pair[0].replace(',', "").parse().ok()?;
        match pair[1].trim_end_matches(|c: char| !c.is_alphabetic()) {
            "characters" => Some(Limit::Characters(max)),
            "bytes" => Some(Limit::Bytes(max)),
            _ => None,
        }
    })
}

/// The documented limits, by the whole name of a message and the name of a field.
fn documented() -> BTreeMap<(String, String), Limit> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/aftercall/workflow/v1");
    let mut limits = BTreeMap::new();
    for file in fs::read_dir(folder).expect("the protos") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("a text");
        let (mut message, mut comment) = (String::new(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("//") {
                comment += words;
                continue;
            }
            if let Some(name) = line
                .strip_prefix("message ")
                .and_then(|rest| rest.split_whitespace().next())
            {
                message = format!("aftercall.workflow.v1.{name}");
            } else if let Some(field) = line
                .strip_prefix("string ")
                .and_then(|rest| rest.split_whitespace().next())
                && let Some(limit) = limit_of(&comment)
            {
                limits.insert((message.clone(), field.to_owned()), limit);
            }
            comment.clear();
        }
    }
    limits
}

/// The fields of a request that have a limit, by their path.
fn limited(
    message: &MessageDescriptor,
    limits: &BTreeMap<(String, String), Limit>,
    depth: usize,
) -> Vec<(Vec<String>, Limit)> {
    let mut found = Vec::new();
    for field in message
        .fields()
        .filter(|field| !field.is_list() && !field.is_map())
    {
        let name = field.name().to_owned();
        match field.kind() {
            Kind::String => {
                let limit = limits.get(&(message.full_name().to_owned(), name.clone()));
                found.extend(limit.map(|limit| (vec![name], *limit)));
            }
            Kind::Message(inner) if depth > 0 => {
                let below = limited(&inner, limits, depth - 1);
                found.extend(
                    below
                        .into_iter()
                        .map(|(path, limit)| ([vec![name.clone()], path].concat(), limit)),
                );
            }
            _ => {}
        }
    }
    found
}

fn put(message: &mut DynamicMessage, path: &[String], text: &str) {
    let (first, rest) = path.split_first().expect("a path");
    if rest.is_empty() {
        message.set_field_by_name(first, Value::String(text.to_owned()));
        return;
    }
    let field = message
        .get_field_by_name(first)
        .expect("a field")
        .into_owned();
    let mut inner = field.as_message().expect("a message").clone();
    put(&mut inner, rest, text);
    message.set_field_by_name(first, Value::Message(inner));
}

/// The code, and what is said of the length of this field.
async fn lengths(
    channel: &Channel,
    method: &MethodDescriptor,
    request: &DynamicMessage,
    path: &str,
) -> (Code, Vec<String>) {
    let Err(status) = ask_encoded(channel, method, request.encode_to_vec()).await else {
        return (Code::Ok, Vec::new());
    };
    let violations = status
        .get_error_details()
        .bad_request()
        .map(|bad| bad.field_violations.clone());
    let of_field = violations
        .unwrap_or_default()
        .into_iter()
        .filter(|one| one.field == path);
    (
        status.code(),
        of_field
            .map(|one| one.description)
            .filter(|text| text.contains("characters") || text.contains("bytes"))
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_of_the_protos_has_its_unit() {
    let limits = documented();
    assert!(
        limits.len() > 60,
        "{}: the comments are not read",
        limits.len()
    );
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let address = format!("http://{}", house.workflow_address());
    let channel = Channel::from_shared(address)
        .expect("an address")
        .connect()
        .await
        .expect("connected");
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our own protos");
    let services = pool
        .services()
        .filter(|service| service.full_name().starts_with("aftercall.workflow.v1."));
    let instance_id = set(&mut clients, "1", 5.0).await.instance_id;
    let (mut tried, mut wrong_ones) = (0, Vec::new());
    // What is too long to be stored is not found, and an action is looked for in a draft first.
    let is_look_up = |name: &str| {
        name.starts_with("Get") || name.starts_with("List") || name.ends_with("Action")
    };
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    for method in methods.filter(|method| !is_look_up(method.name())) {
        for (path, limit) in limited(&method.input(), &limits, DEPTH) {
            let (longest, too_long) = limit.edge();
            let name = path.join(".");
            if name.starts_with("caller.") {
                continue;
            }
            let mut request = sound(&method, &instance_id);
            for (_, path, text) in NEEDED.iter().filter(|(rpc, ..)| *rpc == method.name()) {
                let path: Vec<String> = path.split('.').map(str::to_owned).collect();
                put(&mut request, &path, text);
            }
            put(&mut request, &path, &longest);
            let (code, wrong) = lengths(&channel, &method, &request, &name).await;
            if !wrong.is_empty() {
                wrong_ones.push(format!(
                    "{} with {name} of {limit:?}: {code:?} {wrong:?}",
                    method.full_name()
                ));
            }
            put(&mut request, &path, &too_long);
            let (code, wrong) = lengths(&channel, &method, &request, &name).await;
            let is_named = wrong.iter().any(|text| match limit {
                Limit::Characters(_) => text.contains("characters"),
                Limit::Bytes(_) => text.contains("bytes"),
            });
            if code != Code::InvalidArgument || !is_named {
                wrong_ones.push(format!(
                    "{} with {name} beyond {limit:?}: {code:?} {wrong:?}",
                    method.full_name()
                ));
            }
            tried += 1;
        }
    }
    assert!(wrong_ones.is_empty(), "{wrong_ones:#?}");
    assert!(tried > 100, "{tried}: the fields are not reached");
}

#[test]
fn a_comment_names_its_limit() {
    assert_eq!(
        limit_of("Why, 1 to 1,024 characters; it stays"),
        Some(Limit::Characters(1_024))
    );
    assert_eq!(
        limit_of("A note, at most 4,096 bytes."),
        Some(Limit::Bytes(4_096))
    );
    assert_eq!(limit_of("at most 64 entries"), None);
}
