//! What a real browser does with the servers and the Call Manager page.

mod board;
mod desk;
mod hostile;
mod sign_in;
