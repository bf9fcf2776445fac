//! The file descriptors of this process: as many as the system allows, of which connections take
//! only a part.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::DESCRIPTORS_RESERVED;

/// Raises the soft limit of open files to the hard one, once in a process, and returns it. Shells
/// and service managers start programs with a soft limit of 1,024, which is for programs that use
/// `select`; none of ours does.
pub(crate) fn raise_limit() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let before = getrlimit(Resource::Nofile);
        let raised = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: before.maximum,
                maximum: before.maximum,
            },
        );
        if let Err(error) = raised {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
        let now = getrlimit(Resource::Nofile).current;
        tracing::info!(
            before = before.current,
            now,
            reserved = DESCRIPTORS_RESERVED,
            "limit of open files"
        );
        // No limit at all.
        now.map_or(usize::MAX, |files| {
            usize::try_from(files).unwrap_or(usize::MAX)
        })
    })
}

/// How many connections the limit allows for all servers of this process. Of a very low limit half
/// is reserved.
pub(crate) fn connections_allowed(limit: usize) -> usize {
    limit - DESCRIPTORS_RESERVED.min(limit / 2)
}

/// Whether the system was out of descriptors, or of memory for a socket: it has them again once
/// others are closed.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    shortages
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_all_descriptors() {
        assert_eq!(connections_allowed(1_024), 768);
        assert_eq!(connections_allowed(128), 64);
        assert_eq!(connections_allowed(1), 1);
    }

    #[test]
    fn the_soft_limit_is_the_hard_one_afterwards() {
        let limit = raise_limit();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert!(limit > 0);
    }
}
