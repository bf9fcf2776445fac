//! The process behind an address of this machine, as Linux reports it; unknown on other systems.
//!
//! Must not: take a server on another machine for one that listens on the same port here.

use std::fs;
use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};

/// Which state of a socket says that it listens.
const LISTENS: &str = "0A";

/// The process that listens there; none where that is another machine, or where its files may not
/// be read.
pub(super) fn listening_on(address: &str) -> Option<u32> {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.trim_end_matches('/');
    let address = authority.to_socket_addrs().ok()?.next()?;
    if !is_of_this_machine(address.ip()) {
        return None;
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let inode = tables
        .into_iter()
        .flatten()
        .find_map(|table| inode_of(&table, address.port()))?;
    holder(&format!("socket:[{inode}]"))
}

/// An address can be bound only on the machine that has it.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// The socket that listens on a port. A row has: number, local address and port in hexadecimal,
/// remote address, state, five more, and the inode.
fn inode_of(table: &str, port: u16) -> Option<u64> {
    let port = format!("{port:04X}");
    table.lines().skip(1).find_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let is_found = local_port == port && fields.get(3) == Some(&LISTENS);
        is_found.then(|| fields.get(9)?.parse().ok()).flatten()
    })
}

/// The process that has this socket open.
fn holder(socket: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|process_id| has_open(*process_id, socket))
}

fn has_open(process_id: u32, socket: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process_id}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.to_str() == Some(socket))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let expected = fs::exists("/proc/net/tcp").unwrap().then(std::process::id);
        assert_eq!(listening_on(&address), expected);
        assert_eq!(listening_on(&format!("http://{address}")), expected);
    }

    #[test]
    fn another_machine_has_no_process_here() {
        assert!(!is_of_this_machine("192.0.2.1".parse().unwrap()));
        assert_eq!(listening_on("192.0.2.1:7401"), None);
    }

    #[test]
    fn only_a_listening_socket_counts() {
        let table = "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode\n\
            0: 0100007F:1CE9 0100007F:9C40 01 0:0 0:0 0 0 0 41\n\
            1: 0100007F:1CE9 00000000:0000 0A 0:0 0:0 0 0 0 42\n";
        assert_eq!(inode_of(table, 7401), Some(42));
        assert_eq!(inode_of(table, 7402), None);
    }
}
