//! A server as a process, and what others on the machine see of it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use aftercall_tests::binary;

use crate::Secrets;

/// A server as a process, whose log goes to a file.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    args: Vec<String>,
    name: &'static str,
    log: PathBuf,
}

impl Server {
    pub(crate) fn start(secrets: &Secrets, name: &'static str, own: &[&str]) -> Self {
        let mut args = secrets.shared_args();
        args.extend(own.iter().map(|arg| (*arg).to_owned()));
        Self::run(secrets, name, args)
    }

    /// Starts a binary with these arguments only.
    pub(crate) fn run(secrets: &Secrets, name: &'static str, args: Vec<String>) -> Self {
        let log = secrets.path(&format!("{name}.log"));
        let mut child = Command::new(binary(name))
            .args(&args)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
            .expect("a line");
        let address = line.trim().parse();
        let address =
            address.unwrap_or_else(|_| panic!("{}", fs::read_to_string(&log).unwrap_or_default()));
        Self {
            child,
            address,
            args,
            name,
            log,
        }
    }

    /// What others on the machine see of the process, and what it prints of its settings.
    pub(crate) fn shown(&self) -> Vec<(String, String)> {
        let of_process = |file: &str| {
            let bytes = fs::read(format!("/proc/{}/{file}", self.child.id())).expect("readable");
            (
                format!("{} {file}", self.name),
                String::from_utf8_lossy(&bytes).into_owned(),
            )
        };
        let mut print = Command::new(binary(self.name));
        let printed = print.args(&self.args).arg("--print-config").output();
        let printed = said(&printed.expect("it runs"));
        assert!(printed.contains("log_filter"), "{printed}");
        vec![
            of_process("cmdline"),
            of_process("environ"),
            (format!("{} --print-config", self.name), printed),
        ]
    }

    /// Stops it; its log.
    pub(crate) fn stop(mut self) -> String {
        let kill = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.expect("kill runs").success());
        self.child.wait().expect("it ends");
        fs::read_to_string(&self.log).expect("a log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
