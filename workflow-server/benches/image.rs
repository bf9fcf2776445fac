//! Taking the image of a World for a snapshot, which the writer waits for: beside a million and a
//! half request ids that are remembered.

use std::hint::black_box;

use aftercall_definition::time::Time;
use aftercall_engine::world::{Keeping, World};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use workflow_server::records::WorldImage;

const REQUEST_IDS: u64 = 1_500_000;

fn take(criterion: &mut Criterion) {
    let mut world = World::new(Keeping::default());
    for at in 1..=REQUEST_IDS {
        // Spread as the keyed hashes are that they stand for.
        let key = u128::from(at).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        world.restore_mark(key, at, at, Time(at as i64));
    }
    criterion.bench_function("take, beside 1,500,000 request ids", |bencher| {
        bencher.iter_batched(
            || (),
            |()| black_box(WorldImage::take(&world, 0)),
            BatchSize::PerIteration,
        );
    });
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = take }
criterion_main!(benches);
