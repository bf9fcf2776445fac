//! The address of a database, and how it is given without showing its password.
//!
//! Promise: a password is neither shown nor accepted as an argument of the program, because each
//! user of the machine can see the arguments.

use std::path::{Path, PathBuf};

use clap::Args;
use workflow_server::journal::postgres::{Address, Surroundings};
use workflow_server::store_copy::StorePlace;

use crate::errors::Failure;

/// The variable with the address.
const VARIABLE: &str = "AFTERCALL_STORE";

/// The address of a database.
#[derive(Debug, Args)]
pub(crate) struct StoreAddress {
    /// The database, such as `postgres://aftercall@db.example.com/calls?sslmode=verify-full`; the
    /// password comes from PGPASSWORD, PGPASSFILE or ~/.pgpass
    #[arg(long, env = VARIABLE, hide_env_values = true, value_name = "URL")]
    store: Option<String>,
    /// A file with the address, which may contain the password
    #[arg(
        long,
        env = "AFTERCALL_STORE_FILE",
        value_name = "FILE",
        conflicts_with = "store"
    )]
    store_file: Option<PathBuf>,
}

impl StoreAddress {
    /// Whether a database was named.
    pub(crate) fn is_given(&self) -> bool {
        self.store.is_some() || self.store_file.is_some()
    }

    /// The address.
    pub(crate) fn read(&self) -> Result<Address, Failure> {
        match (&self.store_file, &self.store) {
            (Some(path), _) => read_file(path),
            (None, Some(text)) => parse(text, VARIABLE),
            (None, None) => Err(Failure::usage(
                "Name the database with --store, --store-file or AFTERCALL_STORE.",
            )),
        }
    }
}

fn read_file(path: &Path) -> Result<Address, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::refused(format!("{} cannot be read: {error}.", path.display()))
    })?;
    parsed(&text)
}

/// Reads an argument. A password in it is refused, unless the variable has the same text.
fn parse(text: &str, variable: &str) -> Result<Address, Failure> {
    let address = parsed(text)?;
    let is_of_variable = std::env::var(variable).is_ok_and(|value| value == text);
    if address.has_password() && !is_of_variable {
        return Err(Failure::usage(
            "Other users of this machine can see a password in the arguments. Put the address into a file and name it with --store-file, or the password into PGPASSFILE.",
        ));
    }
    Ok(address)
}

fn parsed(text: &str) -> Result<Address, Failure> {
    Address::parse(text, &Surroundings::of_process())
        .map_err(|error| Failure::usage(sentence(&error.to_string())))
}

/// The place of a store: a directory, the address of a database, or `@FILE` with an address.
pub(crate) fn place(text: &str) -> Result<StorePlace, Failure> {
    if let Some(path) = text.strip_prefix('@') {
        return read_file(Path::new(path)).map(StorePlace::Database);
    }
    if Address::is_database(text) {
        return parse(text, VARIABLE).map(StorePlace::Database);
    }
    Ok(StorePlace::Directory(text.into()))
}

/// Refuses the address of a database where a command needs a directory. `instead` says what to do.
pub(crate) fn check_directory(dir: &Path, instead: &str) -> Result<(), Failure> {
    if Address::is_database(&dir.to_string_lossy()) {
        return Err(Failure::usage(format!(
            "This is the address of a database, and the command needs a directory. {instead}"
        )));
    }
    Ok(())
}

/// As a sentence for a person.
pub(crate) fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let text = rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    });
    if text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}
