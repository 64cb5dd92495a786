use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::recent::Recent;
use crate::config::{ConfigError, LogConfig, LogFormat};

/// Changes what a running program logs.
pub struct Logging {
    reload: Box<dyn Fn(EnvFilter) -> bool + Send + Sync>,
    recent: Recent,
}

impl Logging {
    /// The last warnings and errors.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// From now on logs what `config` says; its format stays as it was.
    ///
    /// # Errors
    /// A filter that can't be parsed. Then nothing changes.
    pub fn set_filter(&self, config: &LogConfig) -> Result<(), ConfigError> {
        let gone =
            || ConfigError::invalid("log.filter", "what is logged can't be changed any more: restart the gateway");
        if (self.reload)(filter(config)?) { Ok(()) } else { Err(gone()) }
    }
}

/// Begins logging to standard error. The environment variable `RUST_LOG` goes before the configuration.
///
/// # Errors
/// A filter that can't be parsed. A second call changes nothing.
pub fn init(config: &LogConfig) -> Result<Logging, ConfigError> {
    let (filter, recent) = (filter(config)?, Recent::default());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a second initialisation in one process fails (tests); the first one goes on.
    match config.format {
        LogFormat::Text => {
            let builder = builder.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let handle = builder.reload_handle();
            drop(builder.finish().with(recent.clone()).try_init());
            Ok(Logging { reload: Box::new(move |filter| handle.reload(filter).is_ok()), recent })
        }
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            drop(builder.finish().with(recent.clone()).try_init());
            Ok(Logging { reload: Box::new(move |filter| handle.reload(filter).is_ok()), recent })
        }
    }
}

/// What is to be logged.
///
/// # Errors
/// A filter that can't be parsed.
pub fn filter(config: &LogConfig) -> Result<EnvFilter, ConfigError> {
    match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => parsed(&filter),
        _ => parsed(&config.filter),
    }
}

fn parsed(filter: &str) -> Result<EnvFilter, ConfigError> {
    let expected = "expected levels (off, error, warn, info, debug, trace) such as \"info\" or \"gateway=debug,info\"";
    let problem = |why: String| ConfigError::invalid("log.filter", format!("{why}: {expected}"));
    let words = filter.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.contains(['=', '[']));
    // It would be the name of a module, and nothing of all others would be logged.
    if let Some(word) = words.into_iter().find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(problem(format!("`{word}` is no level")));
    }
    let mut parsed = EnvFilter::builder().parse(filter).map_err(|error| problem(error.to_string()))?;
    // It warns of clients that name an address in place of a host, which some do every time.
    if !filter.contains("rustls")
        && let Ok(quiet) = "rustls=error".parse::<Directive>()
    {
        parsed = parsed.add_directive(quiet);
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        for good in ["info", "gateway=debug,info", "warn,gateway::bridge=trace", "off", ""] {
            assert!(parsed(good).is_ok(), "{good}");
        }
        for (wrong, named) in
            [("inf", "`inf` is no level"), ("info,gatway", "`gatway`"), ("gateway=loud", "log.filter")]
        {
            let error = parsed(wrong).expect_err("wrong").to_string();
            assert!(error.contains(named) && error.contains("expected levels"), "{error}");
        }
    }
}
