//! A proxy between a client and a server of TCP, which a test can break.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What the client sends.
    ToServer,
    /// What the server answers.
    ToClient,
}

/// A proxy on a free port. It accepts connections until it is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    target: AtomicU16,
}

/// What a connection knows of its beginning.
#[derive(Clone, Copy)]
struct Born {
    number: u64,
    resets: u64,
}

#[derive(Default)]
struct State {
    /// The bytes to the server, and to the client, wait on connections with lower numbers.
    held_below: [u64; 2],
    /// The number of the next connection.
    next: u64,
    refuses: bool,
    is_closed: bool,
    /// Raised by each reset. A connection of an older number ends.
    resets: u64,
    /// Both ends of each connection.
    connections: Vec<[TcpStream; 2]>,
    /// The bytes that wait or have waited, in each direction.
    held_bytes: [u64; 2],
}

impl Proxy {
    /// Starts a proxy to a port on 127.0.0.1.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            target: AtomicU16::new(target),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.lock().is_closed {
                    return;
                }
                accepting.connect(&client);
            }
        });
        Self { port, shared }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to another port.
    pub fn aim(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Holds the bytes of one direction back, of all connections, until [`Self::release`]. They are
    /// delivered then, even if the other end has closed the connection meanwhile.
    pub fn hold(&self, way: Way) {
        self.shared
            .change(|state| state.held_below[way as usize] = u64::MAX);
    }

    /// The same, only for the connections that exist now.
    pub fn hold_existing(&self, way: Way) {
        self.shared
            .change(|state| state.held_below[way as usize] = state.next);
    }

    /// Holds the bytes of both directions back, like a stalled link.
    pub fn stall(&self) {
        self.shared.change(|state| state.held_below = [u64::MAX; 2]);
    }

    /// Delivers what was held back, and then all other bytes.
    pub fn release(&self) {
        self.shared.change(|state| {
            state.held_below = [0; 2];
            state.held_bytes = [0; 2];
        });
    }

    /// Waits until bytes of this direction are held back.
    pub fn wait_for_held(&self, way: Way) {
        let state = self.shared.lock();
        let limit = std::time::Duration::from_secs(60);
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, limit, |state| state.held_bytes[way as usize] == 0);
        let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        assert!(!waited.timed_out(), "no bytes came in time");
    }

    /// Ends all connections. What was held back is lost.
    pub fn reset(&self) {
        self.shared.change(|state| {
            state.resets += 1;
            for [client, server] in state.connections.drain(..) {
                let _ = client.shutdown(Shutdown::Both);
                let _ = server.shutdown(Shutdown::Both);
            }
        });
    }

    /// Sets whether new connections are closed at once.
    pub fn refuse(&self, refuses: bool) {
        self.shared.change(|state| state.refuses = refuses);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.reset();
        self.shared.change(|state| state.is_closed = true);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn connect(self: &Arc<Self>, client: &TcpStream) {
        if self.lock().refuses {
            return;
        }
        let target = self.target.load(Ordering::SeqCst);
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
            return;
        };
        let both = [client, &server].map(|end| {
            let _ = end.set_nodelay(true);
            end.try_clone().expect("a second handle")
        });
        let born = {
            let mut state = self.lock();
            state.connections.push(both);
            state.next += 1;
            Born {
                number: state.next - 1,
                resets: state.resets,
            }
        };
        for way in [Way::ToServer, Way::ToClient] {
            let ends = match way {
                Way::ToServer => [client, &server],
                Way::ToClient => [&server, client],
            };
            let [from, to] = ends.map(|end| end.try_clone().expect("a second handle"));
            let shared = Arc::clone(self);
            thread::spawn(move || shared.pass(from, to, way, born));
        }
    }

    /// Passes the bytes of one direction on until its end or a reset.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, way: Way, born: Born) {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let count = from.read(&mut bytes).unwrap_or_default();
            if count > 0 {
                let mut state = self.lock();
                if born.number < state.held_below[way as usize] {
                    state.held_bytes[way as usize] += count as u64;
                    self.changed.notify_all();
                }
            }
            if !self.wait_while_held(way, born) {
                return;
            }
            if count == 0 || to.write_all(&bytes[..count]).is_err() {
                let _ = to.shutdown(Shutdown::Write);
                let _ = from.shutdown(Shutdown::Read);
                return;
            }
        }
    }

    /// Returns whether the connection still exists.
    fn wait_while_held(&self, way: Way, born: Born) -> bool {
        let is_waiting = |state: &mut State| {
            born.number < state.held_below[way as usize] && state.resets == born.resets
        };
        let state = self.changed.wait_while(self.lock(), is_waiting);
        state.unwrap_or_else(PoisonError::into_inner).resets == born.resets
    }
}
