//! The control of the limits: where a lease is not released, a step-down is found to be slow.

use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::load::Load;
use crate::measured::{Case, Machine, Measured};

/// The database carries out no release. Nothing in the program changes.
const KEEPS_LEASES: &str = "
CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE UPDATE ON aftercall.leadership
FOR EACH ROW WHEN (NEW.expires_at <= clock_timestamp()) EXECUTE FUNCTION public.keep();";

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_released_is_found() {
    let mut cluster = Cluster::start_as(|_| "aftercall", KEEPS_LEASES).await;
    let load = Load::begin(&cluster);
    let fault = Fault::SteppedDown;
    let case = cluster.measure(fault, &load, &Machine::begin()).await;
    load.end().await;
    let mut measured = Measured::default();
    // Other programs can only make it slower.
    let late = std::time::Duration::ZERO;
    measured.add(fault, Case { late, ..case });
    assert_eq!(measured.too_slow().len(), 1, "{measured}");
}
