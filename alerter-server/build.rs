//! Generates the AlertService's server by hand-named types: Subscribe answers with messages that are encoded already, which
//! the generated code of the protos cannot.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let subscribe = Method::builder()
        .name("subscribe")
        .route_name("Subscribe")
        .input_type("aftercall_proto::alert::v1::SubscribeRequest")
        .output_type("crate::message::Message")
        .codec_path("crate::message::Codec")
        .server_streaming()
        .build();
    let service = Service::builder().name("AlertService").package("aftercall.alert.v1").method(subscribe).build();
    Builder::new().build_client(false).compile(&[service]);
}
