//! A running gateway takes over another configuration: all of it that can be, or nothing if there is a mistake in it.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use super::prepared::Prepared;
use super::running::Service;
use super::watch::Watch;
use crate::config::{Changes, Config, ConfigError};
use crate::telemetry::Logging;

/// How often files are looked at. What is written at once is taken over at the second look at which it is the same.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

impl Service {
    /// Takes over what `config` has otherwise, and what is in the files that it names. Nobody's connection ends. What needs a
    /// restart stays as it was, and is named.
    ///
    /// # Errors
    /// What is wrong. Then nothing has changed.
    pub async fn reload(&self, config: &Config) -> Result<Changes, ConfigError> {
        let (devices, fixed) = (self.smtp.devices(), self.shared.accounts.fixed());
        let next = config.clone();
        let prepared = tokio::task::spawn_blocking(move || Prepared::after(&next, &devices, &fixed)).await;
        let failed = |error: tokio::task::JoinError| ConfigError::invalid("configuration", error.to_string());
        let prepared = prepared.map_err(failed)??;
        if let Some(key) = prepared.certificate
            && self.shared.show(key)?
        {
            tracing::info!("another certificate is shown from now on");
        }
        let imap = self.imap.prepared(config, &self.shared)?;
        let smtp = self.smtp.prepared(config, &self.shared)?;
        self.imap.apply(&config.imap, imap);
        self.smtp.apply(config, prepared.devices, smtp);
        self.shared.set_limits(config);
        self.shared.accounts.set_fixed(prepared.fixed);
        self.shared.accounts.settings().set_tls(prepared.roots);
        let mut state = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = Changes {
            applied: config.changes_since(&state.latest).applied,
            restart: config.changes_since(&state.started).restart,
        };
        state.latest = config.clone();
        Ok(changes)
    }

    /// Reloads the file of the configuration whenever `hangup` asks for it, or it or a file that it names has changed. Says in
    /// the log what came of it. Never ends.
    pub async fn keep_reloading(&self, path: &Path, logging: &Logging, mut hangup: impl AsyncFnMut()) {
        let mut watch = Watch::new(files(path, &self.config()));
        loop {
            let asked = tokio::select! {
                () = hangup() => true,
                () = tokio::time::sleep(LOOK_INTERVAL) => false,
            };
            let (looked, changed) = watch.look().await;
            watch = looked;
            if !asked && !changed {
                continue;
            }
            self.reload_file(path, logging).await;
            watch = watch.of(files(path, &self.config()));
        }
    }

    async fn reload_file(&self, path: &Path, logging: &Logging) {
        let file = path.display();
        let reloaded = async {
            let path = path.to_owned();
            let loaded = tokio::task::spawn_blocking(move || Config::load(&path)).await;
            let config = loaded.map_err(|error| ConfigError::invalid("configuration", error.to_string()))??;
            let changes = self.reload(&config).await?;
            logging.set_filter(&config.log)?;
            Ok::<_, ConfigError>(changes)
        };
        match reloaded.await {
            Ok(Changes { applied, restart }) => {
                let applied = applied.join(", ");
                tracing::info!(configuration = %file, changed = applied, "the configuration was read again");
                if !restart.is_empty() {
                    let keys = restart.join(", ");
                    tracing::warn!(keys, "of what has changed, this needs a restart of the gateway");
                }
            }
            Err(error) => {
                let error = error.to_string().replace('\n', "; ");
                tracing::error!(configuration = %file, error, "a mistake: everything goes on as it was");
            }
        }
    }
}

/// The file of the configuration and those that are read with it. (Devices look at the passwords of their mailboxes
/// themselves.)
fn files(path: &Path, config: &Config) -> Vec<PathBuf> {
    let tls = config.tls.iter().flat_map(|tls| [&tls.certificate_file, &tls.key_file]);
    let devices = config.smtp.device.iter().filter_map(|device| device.user_password_file.as_ref());
    let accounts = config.account.iter().map(|account| &account.user_password_file);
    let named = tls.chain(&config.upstream.ca_file).chain(devices).chain(accounts);
    std::iter::once(path.to_owned()).chain(named.cloned()).collect()
}
