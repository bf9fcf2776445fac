//! Files of authors, read as text: what is in another encoding is named as that. `-` is stdin.

use std::io::Read as _;
use std::path::Path;

use crate::errors::{Exit, Failure};

/// The name by which stdin is given as a file.
pub(crate) const STDIN: &str = "-";

/// What errors call a file.
pub(crate) fn shown(file: &Path) -> String {
    if file == Path::new(STDIN) {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    }
}

/// The text of a file, or of stdin.
pub(crate) fn read_text(file: &Path) -> Result<String, Failure> {
    decoded(&shown(file), read_bytes(file)?)
}

/// The bytes of a file, or of stdin.
pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    if file != Path::new(STDIN) {
        return std::fs::read(file).map_err(|error| cannot_read(file, &error));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| cannot_read(file, &error))?;
    Ok(bytes)
}

/// A file that cannot be read, in a sentence.
pub(crate) fn cannot_read(file: &Path, error: &std::io::Error) -> Failure {
    let exit = if error.kind() == std::io::ErrorKind::NotFound {
        Exit::NotFound
    } else {
        Exit::Refused
    };
    Failure::new(exit, format!("{} cannot be read: {error}.", shown(file)))
}

/// The text of bytes that were read; `name` is what errors call them.
pub(crate) fn decoded(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    if let Some(encoding) = wide_encoding(&bytes) {
        return Err(Failure::refused(format!(
            "{name}: this file is in {encoding}; save it as UTF-8."
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let (at, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        // Up to there it is UTF-8.
        let before = String::from_utf8_lossy(&bytes[..at]);
        let (line, column) = (before.matches('\n').count() + 1, before.lines().last().map_or(0, |line| line.chars().count()));
        let column = if before.ends_with('\n') { 1 } else { column + 1 };
        Failure::refused(format!(
            "{name}:{line}:{column}: the byte {:#04x} is not UTF-8; the file is probably in Windows-1252 or Latin-1: save it as UTF-8.",
            bytes[at]
        ))
    })
}

/// The encoding of a file whose characters take two or four bytes; none where it may be UTF-8.
fn wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        // Without a mark: of the first characters, which are ASCII in every such file, every other
        // byte is zero.
        [_, 0, _, 0, ..] | [0, _, 0, _, ..] => Some("UTF-16"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "format: 1\nworkflow: w\ntitle: Größe\n";

    fn sentence(bytes: Vec<u8>) -> String {
        decoded("wf.yaml", bytes).unwrap_err().sentence().to_owned()
    }

    #[test]
    fn other_encodings_are_named() {
        let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
            [mark.to_vec(), TEXT.encode_utf16().flat_map(bytes).collect()].concat()
        };
        for bytes in [
            wide(&[0xff, 0xfe], u16::to_le_bytes),
            wide(&[0xfe, 0xff], u16::to_be_bytes),
            wide(&[], u16::to_le_bytes),
            wide(&[], u16::to_be_bytes),
        ] {
            assert_eq!(
                sentence(bytes),
                "wf.yaml: this file is in UTF-16; save it as UTF-8."
            );
        }
        let latin: Vec<u8> = TEXT.chars().map(|c| c as u8).collect();
        assert_eq!(
            sentence(latin),
            "wf.yaml:3:10: the byte 0xf6 is not UTF-8; the file is probably in Windows-1252 or Latin-1: save it as UTF-8."
        );
        assert_eq!(
            sentence(vec![0xe4]).split(" the").next(),
            Some("wf.yaml:1:1:")
        );
        let marked = format!("\u{feff}{TEXT}");
        assert_eq!(
            decoded("wf.yaml", marked.clone().into_bytes()).unwrap(),
            marked
        );
    }
}
