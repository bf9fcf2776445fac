//! The ways to the two servers.

use std::path::Path;

use aftercall_client::Connector;

/// People on one connection to a server. Of one address it takes 256 connections, so it takes
/// 16,384 people of a page.
const PEOPLE_PER_CONNECTION: usize = 64;

/// The ways to the two servers, whose connections people share.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    pub(crate) workflow: Connector,
    pub(crate) alerter: Connector,
}

impl Servers {
    pub(crate) fn new(workflow: Connector, alerter: Connector) -> Self {
        Self {
            workflow: workflow.share(PEOPLE_PER_CONNECTION),
            alerter: alerter.share(PEOPLE_PER_CONNECTION),
        }
    }

    /// Trusts each by its own certificate; an empty path for plain text.
    pub(crate) fn trusted_only(self, of_workflow: &Path, of_alerter: &Path) -> Self {
        let trusted = |to: Connector, certificate: &Path| {
            if certificate.as_os_str().is_empty() {
                to
            } else {
                to.trust_only(certificate)
            }
        };
        Self {
            workflow: trusted(self.workflow, of_workflow),
            alerter: trusted(self.alerter, of_alerter),
        }
    }
}
