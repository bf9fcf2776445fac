//! Groups made durable in the store on files: how many a second, by their size. Each is one value
//! (or a few), one flush, one sync of the disk; beside it the sync alone, which nothing can beat.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twox_hash::XxHash3_64;
use workflow_server::journal::{Birth, Group, Options, RealDisk, Store};

/// An entry of the refund sample has about this many bytes.
const ENTRY_BYTES: usize = 300;

fn append(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let birth = Birth {
        epoch: "00".repeat(16),
        hash_key: [7; 16],
        created_at_millis: 0,
    };
    let options = Options::new(birth, Arc::new(|why| panic!("the store hangs: {why}")));
    let store = Store::open(dir.path(), &options, Arc::new(RealDisk)).expect("the store opens");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("append");
    for entries in [1_u64, 64, 256] {
        let bytes = Bytes::from(vec![7; ENTRY_BYTES * entries as usize]);
        group.throughput(Throughput::Elements(entries));
        group.bench_function(BenchmarkId::new("durable", entries), |bencher| {
            bencher.iter(|| {
                let newest = store.bounds().newest;
                let chain = XxHash3_64::oneshot_with_seed(newest.chain, &bytes);
                let (first, last) = (newest.sequence + 1, newest.sequence + entries);
                let next = Group {
                    first,
                    last,
                    chain_before: newest.chain,
                    chain,
                    bytes: bytes.clone(),
                };
                runtime
                    .block_on(store.leading().log().append(next))
                    .expect("it is appended");
            });
        });
    }
    let mut file = File::create(dir.path().join("beside")).expect("a file");
    group.throughput(Throughput::Elements(1));
    group.bench_function("4 KiB and fdatasync alone", |bencher| {
        bencher.iter(|| {
            file.write_all(&[7; 4096]).expect("it is written");
            file.sync_data().expect("it is synced");
        });
    });
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = append }
criterion_main!(benches);
