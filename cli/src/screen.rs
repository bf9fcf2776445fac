//! A screen that is drawn over, for what a person keeps open.
//!
//! Promise: what was on the terminal before is there again afterwards. Must not: know what is
//! drawn.

use std::io::{self, Write as _};

/// The terminal's second screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The screen, until it is dropped.
#[derive(Debug)]
pub(crate) struct Screen(());

impl Screen {
    /// Takes the screen.
    pub(crate) fn enter() -> io::Result<Self> {
        io::stdout().write_all(ENTER.as_bytes())?;
        Ok(Self(()))
    }

    /// Draws lines over those that are there.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        // Each line clears what is right of it, and the last one all that is below: nothing
        // flickers.
        let text = format!("\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n"));
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut stdout = io::stdout().lock();
        // A terminal that is gone has nothing to restore.
        let _ = stdout
            .write_all(LEAVE.as_bytes())
            .and_then(|()| stdout.flush());
    }
}
