//! What the writer waits for beside two million remembered request ids: the image of a World for a
//! snapshot, the first request id after it, which copies what the image shares, and one request id
//! looked up.

use std::cell::RefCell;
use std::hint::black_box;

use aftercall_definition::time::Time;
use aftercall_engine::world::{Keeping, World};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use workflow_server::records::WorldImage;

const REQUEST_IDS: u64 = 2_000_000;

/// Spread like the keyed hashes that it is used instead of.
fn key(number: u64) -> u128 {
    u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
}

fn remember(world: &mut World) {
    let number = world.requests().marks().len() as u64 + 1;
    world.restore_mark(key(number), number, number, Time(number as i64));
}

fn take(criterion: &mut Criterion) {
    let mut world = World::new(Keeping::default());
    (0..REQUEST_IDS).for_each(|_| remember(&mut world));
    let world = RefCell::new(world);
    let mut group = criterion.benchmark_group("beside 2,000,000 request ids");
    group.bench_function("an image is taken", |bencher| {
        bencher.iter_batched(
            || (),
            |()| black_box(WorldImage::take(&world.borrow(), 0)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("the first id after an image", |bencher| {
        bencher.iter_batched(
            || WorldImage::take(&world.borrow(), 0),
            |image| {
                remember(&mut world.borrow_mut());
                image
            },
            BatchSize::PerIteration,
        );
    });
    let mut number = 0;
    group.bench_function("an id looked up", |bencher| {
        bencher.iter(|| {
            number = (number + 7_919) % REQUEST_IDS;
            black_box(world.borrow().requests().get(key(number)))
        });
    });
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = take }
criterion_main!(benches);
