use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

/// Tells the service manager how the gateway is (sd_notify(3)). Without one it tells nobody.
pub(super) struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// The service manager that `NOTIFY_SOCKET` names.
    pub(super) fn from_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self(None) };
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(Path::new(&name)),
        };
        let opened = address.and_then(|address| Ok((UnixDatagram::unbound()?, address)));
        if let Err(error) = &opened {
            tracing::warn!(%error, "the service manager can't be told that the gateway runs");
        }
        Self(opened.ok())
    }

    /// Says `state`, such as `READY=1`. Nobody waits for it.
    pub(super) fn say(&self, state: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!(%error, state, "the service manager was not told");
        }
    }

    /// Says that the gateway lives as often as the service manager wants to hear it (`WatchdogSec=`). Never ends.
    pub(super) async fn keep_alive(&self) {
        let Some(interval) = interval() else { return std::future::pending().await };
        loop {
            self.say("WATCHDOG=1");
            tokio::time::sleep(interval).await;
        }
    }
}

/// Half of the time after which the service manager would lose patience (sd_watchdog_enabled(3)).
fn interval() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_other = number("WATCHDOG_PID").is_some_and(|id| id != u64::from(std::process::id()));
    let micros = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && !is_other)?;
    Some(Duration::from_micros(micros / 2))
}
