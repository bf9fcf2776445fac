//! Who keeps a place, and who loses one.

use super::*;

fn peer(address: u8, port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::from(([10, 0, 0, address], port)))
}

fn hoard(places: &Arc<Places>, address: u8) -> Vec<Place> {
    (0..FEED_STREAMS_MAX as u16)
        .map(|port| places.take(peer(address, port)).expect("a place"))
        .collect()
}

#[test]
fn a_connection_has_as_many_streams_as_it_needs() {
    let places = Arc::new(Places::default());
    let held: Vec<Place> = (0..FEED_STREAMS_PER_CONNECTION_MAX)
        .map(|_| places.take(peer(1, 1)).expect("a place"))
        .collect();
    assert!(places.take(peer(1, 1)).is_none());
    assert!(
        places.take(peer(1, 2)).is_some(),
        "another connection has its own"
    );
    drop(held);
    assert!(places.take(peer(1, 1)).is_some());
}

#[test]
fn the_connection_with_most_places_loses_its_oldest() {
    let places = Arc::new(Places::default());
    let hoarded = hoard(&places, 1);
    let alerter = places.take(peer(2, 1)).expect("a place");
    assert!(
        hoarded[0].ends.is_cancelled()
            && hoarded[1..].iter().all(|place| !place.ends.is_cancelled())
    );
    let more: Vec<Place> = (100..200)
        .map(|port| places.take(peer(1, port)).expect("a place"))
        .collect();
    assert!(
        !alerter.ends.is_cancelled(),
        "the one that has most makes room for itself"
    );
    assert_eq!(places.lock().streams.len(), FEED_STREAMS_MAX);
    drop((hoarded, more, alerter));
    assert!(places.lock().streams.is_empty());
}

#[test]
fn what_hoards_at_the_alerters_own_address_makes_room_too() {
    let places = Arc::new(Places::default());
    let hoarded = hoard(&places, 1);
    let alerter = places.take(peer(1, 999)).expect("a place");
    assert!(hoarded[0].ends.is_cancelled() && !alerter.ends.is_cancelled());
}
