//! One private server: its directory, its process, and what tests do to it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs;
use crate::protection::Protection;

/// The longest time for a start or a stop. A start may first read the log of a killed server.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks at a server that starts.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs a program until the input of this script ends, then stops the program and removes a folder,
/// unless the folder has a file `keep`. The input is a pipe from the test process, so it ends with
/// that process. The output is the id of the program.
const GUARD: &str = r#"
folder=$1; shift
"$@" </dev/null >>"$folder/log" 2>&1 3>&- &
echo $!
cat >/dev/null
kill -QUIT $! 2>/dev/null
wait
[ -e "$folder/keep" ] || rm -rf "$folder"
"#;

/// The file that keeps the folder of a stopped server.
const KEEP: &str = "keep";

/// A private PostgreSQL server. Its superuser is `aftercall`, without a password.
pub struct Server {
    port: u16,
    settings: Vec<String>,
    databases: AtomicU64,
    /// `None` while the server is stopped. The program ends before its folder is removed.
    guard: Mutex<Option<Guard>>,
    folder: TempDir,
}

/// The running program. It ends when this is dropped.
struct Guard {
    shell: Child,
    postmaster: u32,
}

impl Server {
    /// The server of this test process. It ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server of its own, with these settings, such as `max_connections=5`.
    pub fn start(settings: &[&str]) -> Self {
        let server = Self::over(Self::create(), settings);
        server.start_again();
        server
    }

    /// Starts a server of its own that protects its connections over TCP.
    pub fn start_protected(protection: &Protection<'_>) -> Self {
        let folder = Self::create();
        let settings = protection.write(&folder.path().join("data"));
        let server = Self::over(folder, &settings);
        server.start_again();
        server
    }

    /// A folder with the data of a new server.
    fn create() -> TempDir {
        let folder = new_folder();
        let mut create = programs::command(&programs::folder().join("initdb"));
        create.args([
            "--no-sync",
            "--no-instructions",
            "--auth=trust",
            "--encoding=UTF8",
        ]);
        create.args(["--locale=C", "--username=aftercall", "-D"]);
        programs::run(create.arg(folder.path().join("data")).current_dir("/"));
        folder
    }

    fn over(folder: TempDir, settings: &[&str]) -> Self {
        Self {
            port: free_port(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            guard: Mutex::new(None),
            databases: AtomicU64::new(0),
            folder,
        }
    }

    /// Starts a server that follows this one. With `is_synchronous` this server waits for it at each
    /// commit.
    pub fn replica(&self, is_synchronous: bool) -> Self {
        let folder = new_folder();
        let mut copy = programs::command(&programs::folder().join("pg_basebackup"));
        copy.args([
            "--no-sync",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--wal-method=stream",
        ]);
        copy.args([
            "-d",
            &format!("{} application_name=replica", self.connection("postgres")),
            "-D",
        ]);
        programs::run(copy.arg(folder.path().join("data")).current_dir("/"));
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let replica = Self::over(folder, &settings);
        replica.start_again();
        if is_synchronous {
            self.sql(
                "postgres",
                "ALTER SYSTEM SET synchronous_standby_names = 'replica'",
            );
            self.sql("postgres", "SELECT pg_reload_conf()");
            let state =
                "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'replica'";
            wait_until("the replica is synchronous", || {
                self.try_sql("postgres", state).as_deref() == Ok("sync")
            });
        }
        replica
    }

    /// Makes a replica the server that accepts writes.
    pub fn promote(&self) {
        self.sql("postgres", "SELECT pg_promote(true, 60)");
        wait_until("the replica is promoted", || {
            self.try_sql("postgres", "SELECT pg_is_in_recovery()")
                .as_deref()
                == Ok("f")
        });
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of its data.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A new empty database. Returns its name.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The URL of a database over TCP.
    pub fn url(&self, database: &str) -> String {
        Self::url_at(self.port, database)
    }

    /// The URL of a database through a proxy of this port.
    pub fn url_at(port: u16, database: &str) -> String {
        format!("postgres://aftercall@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    fn connection(&self, database: &str) -> String {
        format!(
            "host={} port={} user=aftercall dbname={database}",
            self.folder.path().display(),
            self.port
        )
    }

    /// Runs statements as the superuser. Returns the rows as text, one a line.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        self.try_sql(database, statements)
            .unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// The same. Returns the error of the server.
    ///
    /// # Errors
    /// The text of the error.
    pub fn try_sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let mut psql = Command::new(programs::folder().join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]);
        psql.args([&self.connection(database), "-c", statements]);
        let output = psql.output().expect("psql runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Ends the connections to a database. Returns how many there were.
    pub fn terminate_backends(&self, database: &str) -> usize {
        let ended = self.sql(
            "postgres",
            &format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"
            ),
        );
        ended.parse().expect("a number")
    }

    /// Stops the server: it ends all connections and finishes what it has written.
    pub fn stop(&self) {
        self.end("-INT");
    }

    /// Ends the server without any warning, like a crash of its machine's operating system.
    pub fn kill(&self) {
        self.end("-KILL");
    }

    /// Pauses all processes of the server.
    pub fn pause(&self) {
        self.signal_all("-STOP");
    }

    /// Continues a paused server.
    pub fn resume(&self) {
        self.signal_all("-CONT");
    }

    /// Stops the server and starts it again.
    pub fn restart(&self) {
        self.stop();
        self.start_again();
    }

    /// Stops the server and starts it with other settings.
    pub fn restart_with(&mut self, settings: &[&str]) {
        self.stop();
        self.settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        self.start_again();
    }

    /// Starts a stopped or killed server. Returns after it accepts connections.
    pub fn start_again(&self) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(guard.is_none(), "the server runs already");
        let keep = self.folder.path().join(KEEP);
        assert!(
            !keep.exists() || std::fs::remove_file(&keep).is_ok(),
            "a file that can be removed"
        );
        *guard = Some(Guard::start(self.folder.path(), &self.arguments()));
        drop(guard);
        let is_ready = || {
            let mut look = Command::new(programs::folder().join("pg_isready"));
            look.args(["-q", "-d", &self.connection("postgres")]);
            look.status().is_ok_and(|status| status.success())
        };
        let began = Instant::now();
        while !is_ready() {
            assert!(
                began.elapsed() < PATIENCE,
                "PostgreSQL does not start: {}",
                self.log()
            );
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("-D{}", self.data_folder().display()),
            format!("-p{}", self.port),
            format!("-k{}", self.folder.path().display()),
        ];
        let own = [
            "listen_addresses=127.0.0.1",
            "max_connections=200",
            "shared_buffers=64MB",
            "fsync=on",
            "max_wal_size=256MB",
            "log_min_messages=warning",
            // A replica whose primary has restarted connects again. The default is 5 s.
            "wal_retrieve_retry_interval=200ms",
        ];
        for setting in own
            .into_iter()
            .chain(self.settings.iter().map(String::as_str))
        {
            arguments.extend(["-c".to_owned(), setting.to_owned()]);
        }
        arguments
    }

    fn end(&self, signal: &str) {
        let guard = self
            .guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(guard) = guard else { return };
        std::fs::write(self.folder.path().join(KEEP), "").expect("a file");
        if signal == "-KILL" {
            // It could start processes while the others are killed.
            run_kill("-STOP", guard.postmaster);
            signal_children(guard.postmaster, signal);
        }
        run_kill(signal, guard.postmaster);
        guard.wait_for_postmaster();
    }

    fn signal_all(&self, signal: &str) {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(guard) = guard.as_ref() else { return };
        run_kill(signal, guard.postmaster);
        signal_children(guard.postmaster, signal);
    }
}

impl Guard {
    fn start(folder: &Path, arguments: &[String]) -> Self {
        let mut shell = programs::command(Path::new("sh"));
        shell.args(["-c", GUARD, "guard"]).arg(folder);
        shell
            .arg(programs::folder().join("postgres"))
            .args(arguments);
        shell
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("a shell");
        let mut line = String::new();
        let output = shell.stdout.as_mut().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the id of the server");
        let postmaster = line.trim().parse().expect("a number");
        Self { shell, postmaster }
    }

    fn wait_for_postmaster(&self) {
        let process = PathBuf::from(format!("/proc/{}/stat", self.postmaster));
        wait_until("PostgreSQL has ended", || {
            // It may stay as a zombie until the shell waits for it.
            std::fs::read_to_string(&process).map_or(true, |stat| {
                stat.rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.trim().starts_with('Z'))
            })
        });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The script ends with its input. If it does not, nothing here could change that.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The processes that another one has started.
fn signal_children(parent: u32, signal: &str) {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let of = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if of == Some(parent) {
            run_kill(signal, id);
        }
    }
}

fn run_kill(signal: &str, process: u32) {
    let _ = Command::new("kill")
        .args([signal, &process.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// A folder that the user of the servers may write to.
fn new_folder() -> TempDir {
    let made = tempfile::Builder::new().prefix("pg").tempdir();
    let folder = made.expect("a folder");
    let rights = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder.path(), rights).expect("its rights");
    if let Some((user, group)) = programs::user() {
        chown(folder.path(), Some(user), Some(group)).expect("the user of the servers");
    }
    folder
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it takes too long until {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}
