//! Generates the Rust code of `proto/` with a pure-Rust compiler, so that nobody installs protoc.

use std::{env, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 7] = [
    "aftercall/workflow/v1/types.proto",
    "aftercall/workflow/v1/definition.proto",
    "aftercall/workflow/v1/script_engine.proto",
    "aftercall/workflow/v1/call_manager.proto",
    "aftercall/workflow/v1/operations.proto",
    "aftercall/alert/v1/alert.proto",
    "aftercall/feed/v1/feed.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=aftercall");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // Ordered maps: equal requests have equal bytes, which the fingerprints of request ids need.
    let builder = tonic_prost_build::configure().btree_map(".").codec_path("crate::codec::BoundedCodec");
    // Names, so that a request finds its descriptor.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    builder.compile_fds_with_config(descriptors, config)?;
    Ok(())
}
