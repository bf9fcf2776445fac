//! The country of telephone numbers that name none: a setting of the workflow-server.

use aftercall_proto::workflow::v1::GetServerInfoRequest;
use tonic::Status;

use crate::people::Person;
use crate::phone::Country;

/// The country, as the server reports it to a person. Where it cannot be read, none: numbers are then
/// found by their digits alone, and the next page asks again.
pub(crate) async fn of(person: &Person) -> Country {
    let read = async || {
        let mut operations = person.operations();
        let info = operations.get_server_info(GetServerInfoRequest {}).await?;
        Ok::<_, Status>(Country::named(&info.into_inner().country))
    };
    let known = person.country.get_or_try_init(read).await;
    known.copied().unwrap_or_default()
}
