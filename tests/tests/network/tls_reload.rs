//! Certificates that change while the server runs.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aftercall_serving::Limits;
use aftercall_tests::{Pair, eventually};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::version::TLS13;

use crate::tls::Protected;
use crate::{Bare, LONG, check, counter};

/// A server that reads its files every few milliseconds, or never.
async fn start(read_every: Duration) -> Protected {
    let limits = Limits {
        certificates_read_every: read_every,
        ..Limits::default()
    };
    Protected::start(limits).await
}

/// The certificate that a new connection gets.
async fn shown(protected: &Protected) -> CertificateDer<'static> {
    let stream = protected.connect(&TLS13).await.expect("a handshake");
    let chain = stream.get_ref().1.peer_certificates();
    chain.expect("a certificate")[0].clone()
}

fn parsed(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("a certificate")
}

/// Replaces a file as careful programs do: a reader sees the old content or the new.
fn replace(path: &Path, content: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, content).expect("written");
    fs::rename(&beside, path).expect("moved");
}

fn replace_pair(protected: &Protected, pair: &Pair) {
    let dir = protected.dir.path();
    replace(&dir.join("tls.crt"), &pair.certificate);
    replace(&dir.join("tls.key"), &pair.key);
}

/// Sends requests until the end, on one connection or on a new one for each.
async fn load(protected: &Protected, stop: &AtomicBool, is_one: bool, calls: &AtomicUsize) {
    let mut client = protected.client();
    while !stop.load(Ordering::Relaxed) {
        if !is_one {
            client = protected.client();
        }
        check(&mut client).await.expect("no call fails");
        calls.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn certificates_change_under_load_without_a_failed_call() {
    let protected = start(Duration::from_millis(5)).await;
    let (stop, calls) = (
        AtomicBool::new(false),
        [AtomicUsize::new(0), AtomicUsize::new(0)],
    );
    let changing = async {
        for _ in 0..5 {
            let pair = protected.authority.server();
            let before = calls.each_ref().map(|calls| calls.load(Ordering::Relaxed));
            replace_pair(&protected, &pair);
            eventually("new connections get the new certificate", || async {
                (shown(&protected).await == parsed(&pair)).then_some(())
            })
            .await;
            eventually("both kinds of clients continue", || async {
                let now = calls.each_ref().map(|calls| calls.load(Ordering::Relaxed));
                (now[0] > before[0] && now[1] > before[1]).then_some(())
            })
            .await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(
        changing,
        load(&protected, &stop, true, &calls[0]),
        load(&protected, &stop, false, &calls[1]),
    );
}

#[tokio::test]
async fn an_invalid_new_file_keeps_the_certificate() {
    let protected = start(Duration::from_millis(5)).await;
    let plain = Bare::start(Limits::default()).await;
    let errors = || counter(plain.address, "aftercall_tls_certificate_errors_total");
    let (first, second) = (shown(&protected).await, protected.authority.server());
    let certificate = protected.dir.path().join("tls.crt");
    // Nonsense, and half of a pair.
    for content in ["nonsense", &second.certificate] {
        let before = errors().await;
        replace(&certificate, content);
        eventually("the errors are counted", || async {
            (errors().await > before + 1).then_some(())
        })
        .await;
        assert_eq!(shown(&protected).await, first);
        check(&mut protected.client()).await.expect("an answer");
    }
    // The control: the other half.
    replace(&protected.dir.path().join("tls.key"), &second.key);
    eventually("the whole pair is used", || async {
        (shown(&protected).await == parsed(&second)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn files_that_are_not_read_again_change_nothing() {
    let protected = start(LONG).await;
    let first = shown(&protected).await;
    replace_pair(&protected, &protected.authority.server());
    assert_eq!(shown(&protected).await, first);
}
