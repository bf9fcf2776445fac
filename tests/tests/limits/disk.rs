//! A disk that a test can stop: what is written waits until it runs again.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use aftercall_tests::{House, Machine};
use workflow_server::journal::{Disk, RealDisk};
use workflow_server::ledger::SystemClock;

/// The disk.
#[derive(Default)]
pub(crate) struct GatedDisk {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl GatedDisk {
    /// Lets everything wait that is written from now on.
    pub(crate) fn stop(&self) {
        *self.is_stopped.lock().expect("no panic") = true;
    }

    /// Continues.
    pub(crate) fn run(&self) {
        *self.is_stopped.lock().expect("no panic") = false;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let stopped = self.is_stopped.lock().expect("no panic");
        let waited = self.changed.wait_while(stopped, |stopped| *stopped);
        drop(waited.expect("no panic"));
    }

    /// A house on such a disk, stopped, so that a test can change it.
    pub(crate) async fn house() -> (Arc<Self>, House) {
        let disk = Arc::new(Self::default());
        let machine = Machine {
            clock: Arc::new(SystemClock::default()),
            disk: disk.clone(),
        };
        let mut house = House::start_on(machine).await;
        house.stop_workflow().await;
        (disk, house)
    }
}

impl Disk for GatedDisk {
    fn sync_data(&self, file: &File, path: &Path) -> io::Result<()> {
        self.wait();
        RealDisk.sync_data(file, path)
    }

    fn sync_all(&self, file: &File, path: &Path) -> io::Result<()> {
        self.wait();
        RealDisk.sync_all(file, path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_directory(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}
