//! What a real browser does with the servers and the Call Manager page.

mod board;
mod caller;
mod demo;
mod desk;
mod everyone;
mod fair_shares;
mod follow_up;
mod greyed;
mod hands;
mod hostile;
mod instances;
mod kept_text;
mod line;
mod markup;
mod members;
mod notices;
mod roles;
mod selection;
mod sign_in;
mod single_sign_on;
mod speed;
mod team;
mod views;
mod wall;
mod workflows;
