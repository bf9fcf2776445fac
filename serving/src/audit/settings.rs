//! Where the audit log goes, and how much of it is kept.

use std::path::PathBuf;

use crate::error::SettingError;

/// The default of [`AuditSettings::size_mib`]: some 300,000 lines.
pub const AUDIT_LOG_SIZE_MIB: u32 = 100;

/// The default of [`AuditSettings::files`]: with the default size 1 GiB in all.
pub const AUDIT_LOG_FILES: u32 = 10;

/// Where the audit log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuditPlace {
    /// Where the server says; nowhere if it requires no proof of identity.
    #[default]
    Automatic,
    /// Nowhere.
    Off,
    /// Standard error.
    Stderr,
    /// A file, which is rotated.
    File(PathBuf),
}

/// The settings of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// Where it goes.
    pub place: AuditPlace,
    /// Size in MiB at which a file is rotated, at least 1.
    pub size_mib: u32,
    /// Files that are kept, with the one that is written, at least 2.
    pub files: u32,
}

impl AuditSettings {
    /// The settings of these texts and numbers.
    #[must_use]
    pub fn new(log: &str, size_mib: u32, files: u32) -> Self {
        let place = match log {
            "auto" => AuditPlace::Automatic,
            "off" => AuditPlace::Off,
            "stderr" => AuditPlace::Stderr,
            path => AuditPlace::File(path.into()),
        };
        Self {
            place,
            size_mib,
            files,
        }
    }

    /// Bytes of a file at which it is rotated.
    pub(super) fn bytes_max(&self) -> u64 {
        u64::from(self.size_mib) << 20
    }
}

/// What is wrong with the settings.
pub(crate) fn errors(settings: &AuditSettings) -> Vec<SettingError> {
    let mut errors = Vec::new();
    if settings.place == AuditPlace::File(PathBuf::new()) {
        let message = "it is empty: give auto, off, stderr or the path of a file";
        errors.push(SettingError::new("audit_log", message));
    }
    if settings.size_mib == 0 {
        let message = "it must be at least 1 MiB";
        errors.push(SettingError::new("audit_log_size", message));
    }
    if settings.files < 2 {
        let message = "it must be at least 2: the file that is written, and one before it";
        errors.push(SettingError::new("audit_log_files", message));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_or_a_path() {
        let place = |log| AuditSettings::new(log, 1, 2).place;
        assert_eq!(place("auto"), AuditPlace::Automatic);
        assert_eq!(place("off"), AuditPlace::Off);
        assert_eq!(place("stderr"), AuditPlace::Stderr);
        assert_eq!(place("./off"), AuditPlace::File("./off".into()));
    }

    #[test]
    fn every_invalid_setting_of_the_log_is_named() {
        let names = |settings| -> Vec<_> {
            let errors = errors(&settings).into_iter();
            errors.map(|error| error.setting).collect()
        };
        let all = ["audit_log", "audit_log_size", "audit_log_files"];
        assert_eq!(names(AuditSettings::new("", 0, 1)), all);
        let valid = AuditSettings::new("auto", AUDIT_LOG_SIZE_MIB, AUDIT_LOG_FILES);
        assert_eq!(names(valid), [""; 0]);
    }
}
