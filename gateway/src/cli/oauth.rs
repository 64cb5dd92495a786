use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand};

use super::say::say;
use crate::config::{Config, OAuthConfig};
use crate::oauth::{OAuthError, Poll, TokenSource};

/// What a service may ask for on top of its interval (RFC 8628 3.5).
const SLOW_DOWN: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum OAuthCommand {
    /// Sign in a mailbox once, with a code that is entered in a browser anywhere (RFC 8628).
    ///
    /// Shows an address and a code. Whoever opens that address, enters the code and signs in as the mailbox's user lets the
    /// gateway use the mailbox from then on. What the gateway keeps is a refresh token in oauth.refresh_token_file, which only
    /// the user that runs this command can read: run it as the user that runs the gateway, e.g. with
    /// `sudo -u mapi-gateway`. A running gateway uses the new token at once.
    ///
    /// Needs token_url, device_url, client_id and refresh_token_file in [smtp.device.oauth] or [account.oauth]. For
    /// Microsoft Entra ID: allow public client flows in the registration, and add offline_access to scope.
    SignIn(SignInArguments),
}

#[derive(Debug, Args)]
pub(super) struct SignInArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "MAPI_GATEWAY_CONFIG")]
    config: PathBuf,
    /// The name of the [[smtp.device]] that is to be signed in.
    #[arg(long, value_name = "NAME", required_unless_present = "account", conflicts_with = "account")]
    device: Option<String>,
    /// Or the user of the [[account]].
    #[arg(long, value_name = "USER")]
    account: Option<String>,
}

pub(super) async fn run(command: OAuthCommand) -> Result<(), String> {
    let OAuthCommand::SignIn(arguments) = command;
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let (key, mailbox, oauth) = chosen(&config, &arguments)?;
    let source = TokenSource::new(&format!("{key}.oauth"), oauth).map_err(|error| error.to_string())?;
    let file = source.file().ok_or_else(|| {
        format!("{key}.oauth.refresh_token_file is not set: with client credentials nobody has to sign in")
    })?;
    let code = source.endpoint().device_code().await.map_err(|error| error.to_string())?;
    say!("Open    {}", code.verification_uri);
    say!("enter   {}", code.user_code);
    say!("and sign in as the user of {mailbox}.");
    if let Some(complete) = &code.complete_uri {
        say!("Or open {complete}");
    }
    say!("Waiting, at most {} minutes …", code.lifetime.as_secs().div_ceil(60));
    let end = Instant::now() + code.lifetime;
    let mut interval = code.interval;
    let tokens = loop {
        tokio::time::sleep(interval).await;
        match source.endpoint().poll(&code).await {
            Ok(Poll::Done(tokens)) => break tokens,
            Ok(Poll::Pending) => {}
            Ok(Poll::SlowDown) => interval += SLOW_DOWN,
            // RFC 8628 3.5: ask less often.
            Err(error @ OAuthError::Unavailable(_)) => {
                eprintln!("mapi-gateway: {error}; trying on");
                interval *= 2;
            }
            Err(error) => return Err(error.to_string()),
        }
        if Instant::now() >= end {
            return Err("the code was not entered in time: begin again".to_owned());
        }
    };
    let refresh = tokens.refresh.ok_or("the service gave no refresh token: add offline_access to oauth.scope")?;
    file.write(&refresh).map_err(|error| error.to_string())?;
    say!("Signed in. The refresh token is in {}.", file.path().display());
    Ok(())
}

/// Key, mailbox and settings of what is to be signed in.
fn chosen<'a>(config: &'a Config, arguments: &SignInArguments) -> Result<(String, &'a str, &'a OAuthConfig), String> {
    if let Some(name) = &arguments.device {
        let found = config.smtp.device.iter().position(|device| device.name == *name);
        let position = found.ok_or_else(|| format!("no [[smtp.device]] has the name {name}"))?;
        let device = &config.smtp.device[position];
        let key = format!("smtp.device[{position}]");
        let oauth = device.oauth.as_ref().ok_or_else(|| format!("{key} has no oauth: it signs in with a password"))?;
        return Ok((key, &device.mailbox, oauth));
    }
    let user = arguments.account.as_deref().unwrap_or_default();
    let found = config.account.iter().position(|account| account.user.eq_ignore_ascii_case(user));
    let position = found.ok_or_else(|| format!("no [[account]] has the user {user}"))?;
    let account = &config.account[position];
    Ok((format!("account[{position}]"), &account.mailbox, &account.oauth))
}
