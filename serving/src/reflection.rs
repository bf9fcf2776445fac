//! Reflection: tools read the types from the server, in both versions of the protocol, and only of
//! the services that this server has.

use std::collections::HashSet;

use aftercall_proto::DESCRIPTORS;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::Builder;

use crate::error::ServeError;
use crate::routes::Routes;
use crate::whoami;

/// What every server serves.
const ALWAYS: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// Adds both versions. The types of `google.rpc` are in it too: clients decode the details of
/// errors with them.
pub(crate) fn add(routes: Routes, services: &[&str]) -> Result<Routes, ServeError> {
    let set_up = |error: &dyn std::fmt::Display| ServeError::SetUp(error.to_string());
    let all = FileDescriptorSet::decode(DESCRIPTORS).map_err(|error| set_up(&error))?;
    let services: Vec<&str> = services.iter().copied().chain([whoami::NAME]).collect();
    let files = files_of(all, &services);
    let names = services.iter().chain(&ALWAYS);
    let builder = || {
        // A file that is imported may hold another service: it is described, and not listed.
        let listing = names.clone().fold(Builder::configure(), |builder, name| {
            builder.with_service_name(*name)
        });
        listing
            .register_file_descriptor_set(files.clone())
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false)
    };
    let of_v1 = builder().build_v1().map_err(|error| set_up(&error))?;
    let of_v1alpha = builder().build_v1alpha().map_err(|error| set_up(&error))?;
    Ok(routes.add_service(of_v1).add_service(of_v1alpha))
}

/// The files in which these services are, and all that they import.
fn files_of(all: FileDescriptorSet, services: &[&str]) -> FileDescriptorSet {
    let has_service = |file: &FileDescriptorProto| {
        file.service.iter().any(|service| {
            services.contains(&format!("{}.{}", file.package(), service.name()).as_str())
        })
    };
    let mut open: Vec<&FileDescriptorProto> =
        all.file.iter().filter(|file| has_service(file)).collect();
    let mut wanted: HashSet<String> = HashSet::new();
    while let Some(file) = open.pop() {
        if wanted.insert(file.name().to_owned()) {
            open.extend(
                all.file
                    .iter()
                    .filter(|other| file.dependency.iter().any(|name| name == other.name())),
            );
        }
    }
    FileDescriptorSet {
        file: all
            .file
            .into_iter()
            .filter(|file| wanted.contains(file.name()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_shows_only_the_services_and_their_imports() {
        let all = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
        let shown = files_of(all, &["aftercall.alert.v1.AlertService"]);
        let services: Vec<&str> = shown
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(prost_types::ServiceDescriptorProto::name)
            .collect();
        let names: HashSet<&str> = shown.file.iter().map(FileDescriptorProto::name).collect();
        assert!(
            services.contains(&"AlertService") && !services.contains(&"ScriptEngineService"),
            "{services:?}"
        );
        assert!(
            names.contains("aftercall/workflow/v1/types.proto"),
            "{names:?}"
        );
        assert!(
            shown
                .file
                .iter()
                .flat_map(|file| &file.dependency)
                .all(|name| names.contains(name.as_str()))
        );
    }
}
