//! What a real browser does with the servers and the Call Manager page.

mod board;
mod caller;
mod desk;
mod follow_up;
mod hands;
mod hostile;
mod instances;
mod notices;
mod roles;
mod selection;
mod sign_in;
mod team;
mod wall;
mod workflows;
