//! Structured logs. Passwords and message content are never logged, at any level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Begins logging to standard error. The environment variable `RUST_LOG` goes before the configuration.
///
/// # Errors
/// A filter that can't be parsed. A second call changes nothing.
pub fn init(config: &LogConfig) -> Result<(), ConfigError> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => config.filter.clone(),
    };
    let filter = EnvFilter::builder().parse(&filter).map_err(|error| {
        ConfigError::invalid(
            "log.filter",
            format!("{error}: expected levels such as \"info\" or \"gateway=debug,info\""),
        )
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match config.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Only a second initialisation in one process fails (tests); the first one goes on.
    drop(result);
    Ok(())
}
