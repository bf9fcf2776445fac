//! Every RPC of the workflow-server, by its descriptor: each field in turn takes the values that
//! break programs. The server answers each with the right code, and continues.

use aftercall_proto::DESCRIPTORS;
use aftercall_proto::workflow::v1::GetServerInfoRequest;
use aftercall_tests::{Clients, House, ask_encoded, set, with_refund};
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MethodDescriptor,
    ReflectMessage as _, Value,
};
use tonic::Code;
use tonic::transport::Channel;

#[path = "hostile/limits.rs"]
mod limits;

/// How deep messages within messages are spoilt.
const DEPTH: usize = 3;
/// More than any list takes.
const MANY: usize = 10_001;

/// A request that makes sense as far as the names of its fields show.
fn sound(method: &MethodDescriptor, instance_id: &str) -> DynamicMessage {
    let mut request = DynamicMessage::new(method.input());
    for field in method
        .input()
        .fields()
        .filter(|field| field.kind() == Kind::String && !field.is_list())
    {
        let text = match field.name() {
            "instance_id" => instance_id,
            "alert_id" => "1.1.1",
            "button_id" => "approve",
            "workflow" | "name" => "refund",
            "to_person" | "actor" => "Ann",
            "reason" | "text" => "because",
            // Two of one would be refused for that alone.
            _ => continue,
        };
        if field.containing_oneof().is_none() {
            request.set_field(&field, Value::String(text.to_owned()));
        }
    }
    request
}

/// What breaks programs, for a field; none for messages that are spoilt field by field.
fn values(field: &FieldDescriptor) -> Vec<Value> {
    let one: Vec<Value> = match field.kind() {
        Kind::String => {
            let texts = [
                "",
                "a\0b",
                "a\u{202e}b",
                "\u{200b}",
                "\u{2028}",
                "\u{7}",
                "-1",
                "99999999999999999999999999",
                "{{ call.id }}",
            ];
            let texts = texts
                .map(str::to_owned)
                .into_iter()
                .chain(["x".repeat(1 << 20)]);
            texts.map(Value::String).collect()
        }
        Kind::Bool => vec![Value::Bool(true)],
        Kind::Uint32 => [1, u32::MAX].map(Value::U32).into(),
        Kind::Uint64 => [1, u64::MAX].map(Value::U64).into(),
        Kind::Double => [f64::NAN, f64::INFINITY, f64::MIN].map(Value::F64).into(),
        Kind::Enum(_) => [1, 999, i32::MIN].map(Value::EnumNumber).into(),
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => {
            let masks = ["", "a\0b", "unknown", "*.*", "call.", &"x".repeat(1 << 20)];
            let of = |paths: Vec<Value>| {
                let mut mask = DynamicMessage::new(message.clone());
                mask.set_field_by_name("paths", Value::List(paths));
                Value::Message(mask)
            };
            let path = |path: &str| Value::String(path.to_owned());
            let one = masks.into_iter().map(|text| of(vec![path(text)]));
            one.chain([of(vec![path("unknown"); MANY])]).collect()
        }
        Kind::Message(message) if message.full_name().starts_with("google.protobuf.") => {
            let spans = [
                (i64::MAX, i32::MAX),
                (i64::MIN, i32::MIN),
                (253_402_300_800, 0),
                (-1, 0),
                (1, -1),
            ];
            let well_known = spans.map(|(seconds, nanos)| {
                let mut value = DynamicMessage::new(message.clone());
                for (name, number) in [
                    ("seconds", Value::I64(seconds)),
                    ("nanos", Value::I32(nanos)),
                ] {
                    if message.get_field_by_name(name).is_some() {
                        value.set_field_by_name(name, number);
                    }
                }
                Value::Message(value)
            });
            well_known.into()
        }
        _ => Vec::new(),
    };
    if field.is_map() {
        return Vec::new();
    }
    if field.is_list() {
        let many = one
            .first()
            .map(|value| Value::List(vec![value.clone(); MANY]));
        return one
            .into_iter()
            .map(|value| Value::List(vec![value]))
            .chain(many)
            .collect();
    }
    one
}

/// All the ways in which a message can be spoilt in one field.
fn spoilt(
    message: &DynamicMessage,
    depth: usize,
    values: &dyn Fn(&FieldDescriptor) -> Vec<Value>,
) -> Vec<(String, DynamicMessage)> {
    let mut all = Vec::new();
    let mut put = |name: String, field: &FieldDescriptor, value: Value| {
        let mut changed = message.clone();
        changed.set_field(field, value);
        all.push((name, changed));
    };
    for field in message.descriptor().fields() {
        for value in values(&field) {
            put(field.name().to_owned(), &field, value);
        }
        let Kind::Message(inner) = field.kind() else {
            continue;
        };
        if inner.full_name().starts_with("google.protobuf.") || depth == 0 {
            continue;
        }
        if field.is_map() {
            let entry = DynamicMessage::new(inner.clone());
            let value = entry
                .get_field_by_name("value")
                .map(std::borrow::Cow::into_owned);
            for key in ["", "a\0b", "unknown"] {
                let map = value
                    .clone()
                    .map(|value| [(MapKey::String(key.to_owned()), value)].into());
                put(
                    field.name().to_owned(),
                    &field,
                    Value::Map(map.unwrap_or_default()),
                );
            }
            continue;
        }
        let there = if field.is_list() {
            None
        } else {
            message.get_field(&field).as_message().cloned()
        };
        let there = there.unwrap_or_else(|| DynamicMessage::new(inner.clone()));
        put(
            field.name().to_owned(),
            &field,
            wrapped(&field, there.clone()),
        );
        for (name, changed) in spoilt(&there, depth - 1, values) {
            put(
                format!("{}.{name}", field.name()),
                &field,
                wrapped(&field, changed),
            );
        }
    }
    all
}

fn wrapped(field: &FieldDescriptor, message: DynamicMessage) -> Value {
    let value = Value::Message(message);
    if field.is_list() {
        Value::List(vec![value])
    } else {
        value
    }
}

/// The code of a status that travels in headers which every client takes: 8 KiB, details in base64.
fn code_of(status: &tonic::Status) -> Code {
    let bytes = status.message().len() + status.details().len() * 4 / 3;
    assert!(
        bytes < 8 * 1024,
        "a status of {bytes} bytes: {:.200}",
        status.message()
    );
    status.code()
}

/// Asks, and gives the code; of a stream, that of its beginning or of its first message.
async fn ask(channel: &Channel, method: &MethodDescriptor, request: &DynamicMessage) -> Code {
    ask_encoded(channel, method, request.encode_to_vec())
        .await
        .map_or_else(|status| code_of(&status), |_| Code::Ok)
}

async fn is_well(clients: &mut Clients) -> bool {
    let info = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner();
    info.failure.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spoilt_field_gets_a_defined_code() {
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
    let (mut asked, mut refused) = (0, 0);
    for (number, method) in services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .enumerate()
    {
        // Each RPC has a follow-up of its own to be spoilt on.
        let instance_id = set(&mut clients, &number.to_string(), 5.0)
            .await
            .instance_id;
        for (field, request) in spoilt(&sound(&method, &instance_id), DEPTH, &values) {
            let code = ask(&channel, &method, &request).await;
            let is_meant = match code {
                Code::Ok => true,
                Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::FailedPrecondition
                | Code::Aborted
                | Code::OutOfRange
                | Code::ResourceExhausted => {
                    refused += 1;
                    true
                }
                _ => false,
            };
            assert!(
                is_meant,
                "{} with a bad {field}: {code:?}",
                method.full_name()
            );
            asked += 1;
        }
        assert!(is_well(&mut clients).await, "after {}", method.full_name());
    }
    assert!(
        asked > 1_000 && refused > asked / 2,
        "{refused} of {asked} were refused: the fields are not reached"
    );
}

/// A text of its own for each field that holds one, as `write` writes it.
fn texts(field: &FieldDescriptor, write: fn(&str) -> String) -> Vec<Value> {
    // Files and parts of them stay as they are; an id of two requests would be used twice.
    if field.kind() != Kind::String
        || field.is_map()
        || matches!(field.name(), "file" | "action" | "request_id")
    {
        return Vec::new();
    }
    let text = Value::String(write(&format!("{} 1", field.name())));
    vec![if field.is_list() {
        Value::List(vec![text])
    } else {
        text
    }]
}

/// As a text comes out of another program.
fn pasted(text: &str) -> String {
    let (before, behind) = text.split_at(text.len() / 2);
    format!(
        "\u{feff}\u{202a}{before}\u{200b}{}\u{202c}\u{ad}",
        behind.replace(' ', "\u{a0}")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn invisible_characters_change_no_answer() {
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
    // A second backup waits for the first, and what was removed once is gone.
    let is_alike_again = |method: &MethodDescriptor| {
        !method.is_server_streaming() && !["RemoveTeam", "RemoveView"].contains(&method.name())
    };
    let methods: Vec<MethodDescriptor> = services
        .flat_map(|service| service.methods().filter(is_alike_again).collect::<Vec<_>>())
        .collect();
    let mut follow_ups = Vec::new();
    for number in 0..2 * methods.len() {
        follow_ups.push(
            set(&mut clients, &number.to_string(), 5.0)
                .await
                .instance_id,
        );
    }
    let mut asked = 0;
    for (method, ids) in methods.iter().zip(follow_ups.chunks(2)) {
        let (first, second) = (&ids[0], &ids[1]);
        let plain = spoilt(&sound(method, first), DEPTH, &|field| {
            texts(field, str::to_owned)
        });
        let odd = spoilt(&sound(method, second), DEPTH, &|field| texts(field, pasted));
        for ((field, plain), (_, odd)) in plain.into_iter().zip(odd) {
            let codes = (
                ask(&channel, method, &plain).await,
                ask(&channel, method, &odd).await,
            );
            assert_eq!(
                codes.0,
                codes.1,
                "{} with a pasted {field}",
                method.full_name()
            );
            asked += 1;
        }
    }
    assert!(asked > 200, "{asked}: the fields are not reached");
}
