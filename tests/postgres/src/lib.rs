//! Private PostgreSQL servers for tests, and a proxy that breaks the connections to them.
//!
//! Promise: a server ends with its test process, also after a panic or a kill, and leaves no file.
//! It syncs what it writes, as a real one does. `tests/tools postgres` finds the programs, and
//! installs them where they are missing.
//!
//! Must not: use a server that it has not started.

mod programs;
mod protection;
mod proxy;
mod server;

pub use protection::Protection;
pub use proxy::{Proxy, Way};
pub use server::Server;
