//! How a server protects its connections over TCP: TLS, passwords and client certificates.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use crate::programs;

/// What a server requires of connections over TCP. Those over its socket need nothing.
pub struct Protection<'p> {
    /// Its certificate and the key, as PEM. `None` for a server without TLS.
    pub tls: Option<[&'p str; 2]>,
    /// The CA of the certificates of clients, as PEM. Empty for none.
    pub client_ca: &'p str,
    /// The rules of `pg_hba.conf` for TCP.
    pub rules: &'p [&'p str],
}

impl Protection<'_> {
    /// Writes the files into the folder of the data. Returns the settings that use them.
    pub(crate) fn write(&self, data: &Path) -> Vec<&'static str> {
        let own = ["local all all trust", "local replication all trust"];
        let rules = own.iter().chain(self.rules);
        let rules: String = rules.map(|rule| format!("{rule}\n")).collect();
        write(data, "pg_hba.conf", &rules);
        let mut settings = Vec::new();
        if let Some([certificate, key]) = self.tls {
            write(data, "server.crt", certificate);
            write(data, "server.key", key);
            settings.push("ssl=on");
        }
        if !self.client_ca.is_empty() {
            write(data, "clients.crt", self.client_ca);
            settings.push("ssl_ca_file=clients.crt");
        }
        settings
    }
}

/// Writes a file that only the server can read.
fn write(data: &Path, name: &str, text: &str) {
    let path = data.join(name);
    std::fs::write(&path, text).expect("a file");
    let rights = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, rights).expect("its rights");
    if let Some((user, group)) = programs::user() {
        chown(&path, Some(user), Some(group)).expect("the user of the servers");
    }
}
