//! Generates the Rust code of `proto/` with a pure-Rust compiler, so that nobody installs protoc.

#[path = "build/rules.rs"]
mod rules;

use std::collections::HashMap;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;
use prost_build::{Service, ServiceGenerator};
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic_prost_build::configure;

const FILES: [&str; 10] = [
    "aftercall/access/v1/access.proto",
    "aftercall/workflow/v1/types.proto",
    "aftercall/workflow/v1/definition.proto",
    "aftercall/workflow/v1/script_engine.proto",
    "aftercall/workflow/v1/call_manager.proto",
    "aftercall/workflow/v1/operations.proto",
    "aftercall/workflow/v1/staff.proto",
    "aftercall/workflow/v1/views.proto",
    "aftercall/alert/v1/alert.proto",
    "aftercall/feed/v1/feed.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=aftercall");
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("rules.rs"),
        rules::code(&compiler.descriptor_pool())?,
    )?;
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let with_codec = || configure().codec_path("crate::codec::BoundedCodec");
    let services = Services {
        attributions: attributions(&descriptors),
        clients: with_codec().build_server(false).service_generator(),
        servers: with_codec().build_client(false).service_generator(),
    };
    let mut config = prost_build::Config::new();
    // Ordered maps: equal requests have equal bytes, which the fingerprints of request ids need.
    // Names, so that a request finds its descriptor.
    config
        .btree_map(["."])
        .enable_type_names()
        .service_generator(Box::new(services));
    config.compile_fds(descriptors)?;
    Ok(())
}

/// RPCs with large answers, and those that are called most: their servers answer with `Ready`, which is
/// encoded where the answer is made. It is also smaller than an answer with a follow-up, which has a
/// kilobyte and is moved some ten times.
const READY: [&str; 22] = [
    "CountInstances",
    "ExportWorkflow",
    "GetCall",
    "GetCallDetails",
    "GetDay",
    "GetWorkflow",
    "ListBatchItems",
    "ListCalendars",
    "ListCallsOfCaller",
    "ListFollowUps",
    "ListHistory",
    "ListInstances",
    "ListOpenFollowUps",
    "ListOverdueTimers",
    "ListStuckInstances",
    "ListVersions",
    "ListViews",
    "ListWorkflows",
    "PushButton",
    "SetWorkflow",
    "SimulateWorkflow",
    "Snapshot",
];

/// Fields that the code of every RPC treats alike: whether a request has them.
struct Attribution {
    actor: bool,
    request_id: bool,
    read_mask: bool,
    /// Rust code that adds what each field of [`RESOURCES`] names.
    resources: Vec<&'static str>,
}

/// Fields of requests that name what a request is about, and the code that adds it to a list. None
/// of them holds data of a caller. `KIND` becomes the kind of what `name` names.
const RESOURCES: [(&str, &str); 7] = [
    ("instance_id", "one(\"instance\", &self.instance_id);"),
    (
        "instance_ids",
        "for id in &self.instance_ids { one(\"instance\", id); }",
    ),
    ("batch_id", "one(\"batch\", &self.batch_id.to_string());"),
    (
        "erasure_id",
        "one(\"erasure\", &self.erasure_id.to_string());",
    ),
    ("workflow", "one(\"workflow\", &self.workflow);"),
    ("name", "one(\"KIND\", &self.name);"),
    (
        "calendar",
        "if let Some(calendar) = &self.calendar { one(\"calendar\", &calendar.name); }",
    ),
];

/// The kind of what the field `name` names in the request of a method.
fn kind_of_name(method: &str) -> &'static str {
    match method {
        _ if method.contains("Team") => "team",
        _ if method.contains("Calendar") => "calendar",
        _ => "workflow",
    }
}

/// By the full name of a message with its leading dot.
type Attributions = HashMap<String, Attribution>;

fn attributions(descriptors: &FileDescriptorSet) -> Attributions {
    let of_file = |file: &FileDescriptorProto| {
        let package = file.package().to_owned();
        file.message_type.clone().into_iter().map(move |message| {
            let has = |name: &str| message.field.iter().any(|field| field.name() == name);
            let attribution = Attribution {
                actor: has("actor"),
                request_id: has("request_id"),
                read_mask: has("read_mask"),
                resources: RESOURCES
                    .into_iter()
                    .filter_map(|(name, code)| has(name).then_some(code))
                    .collect(),
            };
            (format!(".{package}.{}", message.name()), attribution)
        })
    };
    descriptors.file.iter().flat_map(of_file).collect()
}

/// The methods of a request with a read mask.
const MASKED: &str = "
    fn read_mask(&self) -> Option<&::prost_types::FieldMask> { self.read_mask.as_ref() }
    fn without_read_mask(&self) -> Option<Self> {
        self.read_mask.as_ref()?;
        Some(Self { read_mask: None, ..self.clone() })
    }";

/// Makes clients as usual, servers that answer some RPCs with bytes, and for the request of each
/// RPC who sends it and which fields its answer has.
struct Services {
    attributions: Attributions,
    clients: Box<dyn ServiceGenerator>,
    servers: Box<dyn ServiceGenerator>,
}

impl ServiceGenerator for Services {
    fn generate(&mut self, mut service: Service, code: &mut String) {
        self.clients.generate(service.clone(), code);
        for method in &service.methods {
            let attribution = &self.attributions[&method.input_proto_type];
            let value = |has: bool, field: &str| {
                if has {
                    format!("&self.{field}")
                } else {
                    "\"\"".to_owned()
                }
            };
            let resources = attribution.resources.concat();
            let resources = if resources.is_empty() {
                String::new()
            } else {
                let body = resources.replace("KIND", kind_of_name(&method.proto_name));
                format!("fn resources(&self, one: &mut dyn FnMut(&'static str, &str)) {{ {body} }}")
            };
            code.push_str(&format!(
                "impl crate::attributed::Attributed for {} {{
                    fn actor(&self) -> &str {{ {} }}
                    fn request_id(&self) -> &str {{ {} }}
                    {}
                    {resources}
                }}\n",
                method.input_type,
                value(attribution.actor, "actor"),
                value(attribution.request_id, "request_id"),
                if attribution.read_mask { MASKED } else { "" },
            ));
        }
        let module = service
            .package
            .replace("aftercall.", "crate::")
            .replace('.', "::");
        for method in service
            .methods
            .iter_mut()
            .filter(|method| READY.contains(&method.proto_name.as_str()))
        {
            method.output_type = format!("crate::ready::Ready<{module}::{}>", method.output_type);
        }
        self.servers.generate(service, code);
    }
}
