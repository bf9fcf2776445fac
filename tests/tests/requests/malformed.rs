//! Bytes that are no request, and requests of very many values: every RPC of both servers refuses
//! them before it takes memory.

use aftercall_proto::DESCRIPTORS;
use aftercall_proto::codec::REQUEST_VALUES_MAX;
use aftercall_tests::{House, ask_encoded, reason};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::Code;
use tonic::transport::Channel;

fn methods(package: &str) -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our own protos");
    let services = pool
        .services()
        .filter(|service| service.full_name().starts_with(package));
    services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

async fn connect(address: std::net::SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}"))
        .expect("an address")
        .connect()
        .await
        .expect("connected")
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bytes_are_an_invalid_argument() {
    let house = House::start().await;
    let (workflow, alerter) = (
        connect(house.workflow_address()).await,
        connect(house.alerter_address()).await,
    );
    let of_workflow = methods("aftercall.workflow.v1.")
        .into_iter()
        .chain(methods("aftercall.feed.v1."));
    let asked = of_workflow.map(|method| (&workflow, method));
    let asked: Vec<_> = asked
        .chain(
            methods("aftercall.alert.v1.")
                .into_iter()
                .map(|method| (&alerter, method)),
        )
        .collect();
    assert!(asked.len() > 60, "{} RPCs", asked.len());
    for (channel, method) in asked {
        // A key that promises more bytes than there are.
        let refused = ask_encoded(channel, &method, vec![0x0a, 0xff, 0x01])
            .await
            .expect_err(method.full_name());
        let answer = (refused.code(), reason(&refused));
        assert_eq!(
            answer,
            (Code::InvalidArgument, "INVALID_REQUEST".to_owned()),
            "{}: {refused:?}",
            method.full_name()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_refuses_a_request_with_too_many_values() {
    let house = House::start_without_alerter().await;
    let channel = connect(house.workflow_address()).await;
    // Empty values of the first field: two bytes each.
    let request = [0x0a, 0x00].repeat(REQUEST_VALUES_MAX + 1);
    for method in methods("aftercall.workflow.v1.") {
        let refused = ask_encoded(&channel, &method, request.clone())
            .await
            .expect_err(method.full_name());
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{}: {refused:?}",
            method.full_name()
        );
        assert!(
            refused.message().contains("has more than 32768 values"),
            "{}: {refused:?}",
            method.full_name()
        );
    }
}
