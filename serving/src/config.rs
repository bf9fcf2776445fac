//! Configuration in layers, resolved once: defaults, then a TOML file, then environment and flags.
//! Errors name the place.
//!
//! Promise: the resolved configuration has been checked as a whole, so that the start of a server
//! and `--print-config` refuse the same.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::de::DeTable;

use crate::error::SettingError;
use crate::limit_settings::LimitSettings;
use crate::settings::Settings;

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {error}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The file is invalid.
    #[error("the configuration file {} has an error: {message}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error, with its line.
        message: String,
    },
    /// The layers together are not a valid configuration.
    #[error("the configuration has an error: {0}")]
    Layers(String),
    /// Some settings are invalid.
    #[error("{}", one_by_one(.0))]
    Settings(Vec<SettingError>),
}

fn one_by_one(errors: &[SettingError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Checks every setting.
///
/// # Errors
/// [`ConfigError::Settings`] with all that are invalid.
pub fn check<T: Settings>(config: &T) -> Result<(), ConfigError> {
    let errors = config.errors();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ConfigError::Settings(errors))
    }
}

/// Resolves a configuration. `over` has the settings of environment and flags, under the names of
/// the file.
///
/// # Errors
/// [`ConfigError`], also for a key that no setting has.
pub fn load<T: Settings>(file: Option<&Path>, over: toml::Table) -> Result<T, ConfigError> {
    let mut merged = toml::Table::try_from(T::default())
        .map_err(|error| ConfigError::Layers(error.to_string()))?;
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read {
            path: path.to_owned(),
            error,
        })?;
        let refused = |error: toml::de::Error| ConfigError::File {
            path: path.to_owned(),
            message: error.to_string(),
        };
        let table: toml::Table = toml::from_str(&text).map_err(refused)?;
        if let Some(message) = unknown(&text, &merged) {
            let path = path.to_owned();
            return Err(ConfigError::File { path, message });
        }
        let mut alone = merged.clone();
        alone.extend(table.clone());
        // Read once from the text itself, so that an error is shown with its line.
        check_alone::<T>(&text, &merged).map_err(refused)?;
        merged = alone;
    }
    merged.extend(over);
    checked(merged)
}

fn checked<T: Settings>(merged: toml::Table) -> Result<T, ConfigError> {
    let config = merged
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Layers(error.to_string()))?;
    check(&config)?;
    Ok(config)
}

/// Another configuration: `base` with `over` above it, under the names of the file.
///
/// # Errors
/// [`ConfigError::Layers`] if they together are not a valid configuration,
/// [`ConfigError::Settings`].
pub fn put_over<T: Settings>(base: &T, over: toml::Table) -> Result<T, ConfigError> {
    let mut merged =
        toml::Table::try_from(base).map_err(|error| ConfigError::Layers(error.to_string()))?;
    merged.extend(over);
    checked(merged)
}

/// Reads the file's text with the defaults it leaves out appended, so that errors have the file's
/// own lines.
fn check_alone<T: DeserializeOwned>(
    text: &str,
    defaults: &toml::Table,
) -> Result<(), toml::de::Error> {
    let given: toml::Table = toml::from_str(text)?;
    let left_out: toml::Table = defaults
        .iter()
        .filter(|(key, _)| !given.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let whole = format!("{text}\n{left_out}");
    if defaults.contains_key(A_LIMIT) {
        // Limits are a part of `T`, whose errors have no lines.
        toml::from_str::<LimitSettings>(&whole)?;
    }
    toml::from_str::<T>(&whole).map(|_| ())
}

/// The key of a limit: a configuration that has it has all of them.
const A_LIMIT: &str = "connections_max";

/// The first key that no setting has, and its line.
fn unknown(text: &str, defaults: &toml::Table) -> Option<String> {
    let given = DeTable::parse(text).ok()?;
    let mut keys = given.get_ref().keys();
    let key = keys.find(|key| !defaults.contains_key(key.get_ref().as_ref()))?;
    let line = text[..key.span().start].lines().count().max(1);
    let name = key.get_ref();
    Some(format!("line {line}: there is no setting `{name}`"))
}

/// The effective configuration as a TOML file.
///
/// # Errors
/// [`ConfigError::Layers`] if it cannot be written as TOML.
pub fn print<T: Serialize>(config: &T) -> Result<String, ConfigError> {
    toml::to_string_pretty(config).map_err(|error| ConfigError::Layers(error.to_string()))
}
