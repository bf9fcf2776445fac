//! A command on a pseudo terminal: what a person at a terminal of a given size sees, and what they
//! type.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::PATIENCE;

/// A command on a terminal; killed when it is dropped.
pub struct Terminal {
    child: Child,
    keyboard: File,
    pieces: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Terminal {
    /// Starts a command on a terminal of this size in columns and lines; 0 where nobody has set its
    /// size.
    pub fn start(command: &mut Command, columns: u16, lines: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it can be opened");
        let size = Winsize {
            ws_col: columns,
            ws_row: lines,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).expect("it has a size");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let path = OsStr::from_bytes(name.to_bytes());
        let slave = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .expect("its other end")
        };
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let child = command
            .env_remove("COLUMNS")
            .env_remove("LINES")
            .spawn()
            .expect("it starts");
        // The command keeps the other end open for as long as it lives; ours must not.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let keyboard = File::from(master.try_clone().expect("a second descriptor"));
        let (sends, pieces) = mpsc::channel();
        std::thread::spawn(move || read_all(master, &sends));
        Self {
            child,
            keyboard,
            pieces,
            seen: Vec::new(),
        }
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        self.keyboard
            .write_all(format!("{line}\n").as_bytes())
            .expect("it reads");
    }

    /// What it has shown once that is what is waited for.
    pub fn shows(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen();
            if is_there(&seen) {
                return seen;
            }
            match self
                .pieces
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(piece) => self.seen.extend(piece),
                Err(_) => panic!("waited in vain for {what}; it shows:\n{seen}"),
            }
        }
    }

    /// All that it shows until it ends, and its exit code.
    pub fn ends(mut self) -> (i32, String) {
        while let Ok(piece) = self.pieces.recv_timeout(PATIENCE) {
            self.seen.extend(piece);
        }
        let status = self.child.wait().expect("it ends");
        (
            status.code().expect("it ends without a signal"),
            self.seen(),
        )
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).replace("\r\n", "\n")
    }
}

/// Linux reports an error once nobody has the other end open.
fn read_all(master: OwnedFd, sends: &mpsc::Sender<Vec<u8>>) {
    let mut master = File::from(master);
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = master.read(&mut piece) {
        if sends.send(piece[..length].to_vec()).is_err() {
            return;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Ended already, or killed now: either is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
