//! Generates the AlertService's server by hand-named types: Subscribe answers with messages that
//! are encoded already, which the generated code of the protos cannot.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let prost = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("aftercall_proto::alert::v1::{route}Request"))
            .output_type(format!("aftercall_proto::alert::v1::{route}Response"))
            .codec_path("aftercall_proto::codec::BoundedCodec")
    };
    let subscribe = prost("subscribe", "Subscribe")
        .output_type("crate::message::Message")
        .codec_path("crate::message::Codec")
        .server_streaming()
        .build();
    let service = Service::builder()
        .name("AlertService")
        .package("aftercall.alert.v1")
        .method(subscribe)
        .method(prost("get_wallboard", "GetWallboard").build())
        .method(
            prost("watch_wallboard", "WatchWallboard")
                .server_streaming()
                .build(),
        )
        .build();
    Builder::new().build_client(false).compile(&[service]);
}
