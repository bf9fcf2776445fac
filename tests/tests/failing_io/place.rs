//! A data directory on a file system that can be made to fail, and the server on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use aftercall_tests::ServerProcess;
use tempfile::TempDir;

/// A data directory, and the files by which calls on it are made to fail.
pub(crate) struct Place {
    pub(crate) temp: TempDir,
    pub(crate) shim: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let (shim, source) = (
            temp.path().join("shim.so"),
            concat!(env!("CARGO_MANIFEST_DIR"), "/shim/failing_io.c"),
        );
        let mut compiler = Command::new("cc");
        compiler
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
            ])
            .arg(&shim)
            .arg(source);
        assert!(
            compiler
                .args(["-ldl", "-lpthread"])
                .status()
                .expect("cc runs")
                .success(),
            "the shim is compiled"
        );
        Self { temp, shim }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.path("report").exists()
    }

    /// From now on so many calls succeed, and so many fail then.
    pub(crate) fn arm(&self, errno: i32, succeed: u64, fail: u64) {
        let draft = self.path("control-draft");
        std::fs::write(&draft, format!("{errno} {succeed} {fail}")).expect("written");
        std::fs::rename(draft, self.path("control")).expect("renamed");
    }

    /// No call fails any more in processes that start from now on.
    pub(crate) fn disarm(&self) {
        for name in ["control", "report"] {
            let _ = std::fs::remove_file(self.path(name));
        }
    }

    pub(crate) fn start(&self, with_shim: bool) -> Option<ServerProcess> {
        let (data, control, report) =
            (self.path("data"), self.path("control"), self.path("report"));
        let dir = data.display().to_string();
        let args = [
            "--data-dir",
            &dir,
            "--listen",
            "127.0.0.1:0",
            "--drain-seconds",
            "2",
        ];
        let often = [
            "--snapshot-every-entries",
            "25",
            "--journal-kept-entries",
            "10",
        ];
        let environment: [(&str, &Path); 4] = [
            ("LD_PRELOAD", &self.shim),
            ("AFTERCALL_FAULT_DIR", &data),
            ("AFTERCALL_FAULT_CONTROL", &control),
            ("AFTERCALL_FAULT_REPORT", &report),
        ];
        let environment = if with_shim { &environment[..] } else { &[] };
        ServerProcess::try_start(
            "workflow-server",
            &[&args[..], &often].concat(),
            environment,
        )
        .ok()
    }

    /// A start on a working file system, which must succeed.
    pub(crate) fn start_well(&self) -> ServerProcess {
        self.disarm();
        self.start(false)
            .expect("a start on a working file system succeeds")
    }
}
