//! TLS between members.

use aftercall_client::Connector;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::{CountInstancesRequest, GetServerInfoRequest, ServerRole};
use aftercall_tests::{Authority, eventually};

use crate::crew::Crew;

#[tokio::test(flavor = "multi_thread")]
async fn members_show_each_other_their_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::create();
    let (certificate, key) = authority.member().write(folder.path());
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).expect("written");
    let crew = Crew::start_with_tls([certificate.clone(), key.clone(), ca.clone()]).await;
    let mut leaders = 0;
    for member in &crew.members {
        let connector = Connector::to(&format!("https://{}", member.address)).expect("an address");
        let connector = connector.trust(&ca).certificate(&certificate, &key);
        let connection = connector.connect().await.expect("it trusts both sides");
        let operations = OperationsServiceClient::new(connection);
        let role = eventually("a request is answered through this member", || {
            let mut operations = operations.clone();
            async move {
                let counted = operations.count_instances(CountInstancesRequest::default());
                counted.await.ok()?;
                let info = operations.get_server_info(GetServerInfoRequest {}).await;
                Some(info.ok()?.into_inner().role())
            }
        });
        leaders += usize::from(role.await == ServerRole::Leader);
    }
    assert_eq!(leaders, 1, "two have passed the request on");
}
