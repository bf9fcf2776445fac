//! What a real browser does with the servers.

mod hostile;
