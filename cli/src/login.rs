//! Logging in at an issuer by the device flow (RFC 8628).
//!
//! Must not: write a token to the terminal or to an error.

mod issuer;
mod kept;
mod settings;
mod source;
#[cfg(test)]
mod tests;

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::errors::Failure;
use crate::login::issuer::{Device, Granted, Issuer};
pub(crate) use crate::login::kept::{Login, remove};
pub(crate) use crate::login::settings::LoginSettings;
pub(crate) use crate::login::source::LoginTokens;

/// A code is entered within this, even if the issuer allows more.
const CODE_LIFETIME_MAX: Duration = Duration::from_secs(3_600);
/// What an issuer means that names no interval (RFC 8628, 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// The shortest and the longest interval: an issuer may name nonsense.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
const INTERVAL_MAX: Duration = Duration::from_secs(60);
/// How much longer to wait after `slow_down` (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// Logs in: shows an address and a code, and waits until somebody has entered the code there.
pub(crate) fn begin(settings: LoginSettings, show: impl Fn(&str)) -> Result<Login, Failure> {
    let issuer = Issuer::discover(&settings)?;
    let device = issuer.device()?;
    show(&format!(
        "Open {} in a browser and enter the code {}",
        device.address(),
        device.code()
    ));
    if let Some(whole) = device.whole_address() {
        show(&format!("or open {whole}"));
    }
    let granted = wait(&issuer, &device)?;
    Ok(Login::of(settings, granted, None))
}

/// Waits until the code was entered, at the interval of the issuer.
fn wait(issuer: &Issuer, device: &Device) -> Result<Granted, Failure> {
    let lifetime = Duration::from_secs(device.expires_in).min(CODE_LIFETIME_MAX);
    let end = Instant::now() + lifetime;
    let named = device.interval.map_or(INTERVAL, Duration::from_secs);
    let mut interval = named.clamp(INTERVAL_MIN, INTERVAL_MAX);
    loop {
        sleep(interval);
        let refusal = match issuer.grant(device) {
            Ok(Ok(granted)) => return Ok(granted),
            Ok(Err(refusal)) => refusal,
            // The code is still good: the issuer is asked again.
            Err(_) if Instant::now() < end => continue,
            Err(failure) => return Err(failure),
        };
        match refusal.code() {
            "authorization_pending" if Instant::now() < end => {}
            "slow_down" if Instant::now() < end => interval += SLOWER,
            "authorization_pending" | "slow_down" | "expired_token" => {
                return Err(Failure::refused(
                    "The code was not entered in time. Log in again with `aftercall login`.",
                ));
            }
            "access_denied" => {
                return Err(Failure::refused(
                    "The login was declined at the issuer. Log in again with `aftercall login`.",
                ));
            }
            _ => return Err(refusal.failure()),
        }
    }
}
