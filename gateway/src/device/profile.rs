use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use mail_core::listener::Network;
use secrecy::SecretString;
use smtp_front::rate::{RateLimit, Window};
use smtp_front::submit::{Address, Grant, Recipient, SubmitError};

use super::HeaderRule;
use super::password::{DevicePassword, password};
use crate::config::{ConfigError, DeviceConfig, SenderPolicy};
use crate::line::login::TicketFile;
use crate::login::token_mailbox::TokenMailbox;

/// What opens a device's mailbox.
#[derive(Debug)]
pub enum Proof {
    /// Its password.
    Password(Arc<DevicePassword>),
    /// Access tokens that the gateway gets.
    Tokens(Arc<TokenMailbox>),
    /// Kerberos.
    Tickets(TicketFile),
}

/// A device, ready to submit.
pub struct Device {
    config: DeviceConfig,
    user_password: Option<SecretString>,
    proof: Proof,
    minute: Option<RateLimit>,
    day: Option<RateLimit>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    minute: Window,
    day: Window,
    sent: Sent,
}

/// What a device has sent since the gateway started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// How many messages.
    pub messages: u64,
    /// When the last one was sent.
    pub last: Option<SystemTime>,
    /// When one was refused last.
    pub failed: Option<SystemTime>,
}

impl Device {
    /// Reads the passwords that the device needs. `key` is where the configuration has it.
    ///
    /// # Errors
    /// Files that can't be read, variables that aren't set, and empty passwords.
    pub fn new(key: &str, config: &DeviceConfig) -> Result<Self, ConfigError> {
        let unusable = |name: &str, path: &Path, problem: String| {
            ConfigError::invalid(format!("{key}.{name}"), format!("{}: {problem}", path.display()))
        };
        let keytab = config.keytab_file.clone().map(TicketFile::Keytab);
        let tickets = keytab.or_else(|| config.credential_cache_file.clone().map(TicketFile::CredentialCache));
        let proof = match (tickets, &config.password_file, &config.password_env, &config.oauth) {
            (Some(file), ..) => Proof::Tickets(file),
            (None, Some(path), ..) => {
                let password = DevicePassword::in_file(path);
                Proof::Password(Arc::new(password.map_err(|problem| unusable("password_file", path, problem))?))
            }
            (None, None, None, Some(oauth)) => Proof::Tokens(Arc::new(TokenMailbox::new(key, &config.mailbox, oauth)?)),
            (None, None, variable, _) => {
                let variable = variable.as_deref().unwrap_or_default();
                let invalid =
                    |problem| ConfigError::invalid(format!("{key}.password_env"), format!("{variable}: {problem}"));
                let value = std::env::var(variable).map_err(|error| error.to_string());
                Proof::Password(Arc::new(DevicePassword::fixed(password(value).map_err(invalid)?)))
            }
        };
        let user_password = match &config.user_password_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
                Some(password(text).map_err(|problem| unusable("user_password_file", path, problem))?)
            }
            None => None,
        };
        Ok(Self {
            user_password,
            proof,
            minute: config.messages_per_minute.map(RateLimit::per_minute),
            day: config.messages_per_day.map(RateLimit::per_day),
            config: config.clone(),
            counts: Arc::default(),
        })
    }

    /// It takes the place of `old`: what that one has sent counts on, and its tokens are used again if they are to come from
    /// the same place.
    pub(super) fn go_on_from(&mut self, old: &Self) {
        self.counts = Arc::clone(&old.counts);
        let same = old.config.mailbox == self.config.mailbox && old.config.oauth == self.config.oauth;
        if let (true, Proof::Tokens(tokens)) = (same, &old.proof)
            && matches!(self.proof, Proof::Tokens(_))
        {
            self.proof = Proof::Tokens(Arc::clone(tokens));
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The mailbox that sends, which is also the name to log in with.
    pub fn mailbox(&self) -> &str {
        &self.config.mailbox
    }

    /// What opens the mailbox.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The name that the device logs in with.
    pub fn user(&self) -> Option<&str> {
        self.config.user.as_deref()
    }

    /// The password that the device logs in with.
    pub fn user_password(&self) -> Option<&SecretString> {
        self.user_password.as_ref()
    }

    /// From where it needs no login.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        self.config.networks.iter().map(|network| network.0)
    }

    /// What it may do.
    pub fn grant(&self) -> Grant {
        Grant { max_message: self.config.max_message_bytes.map(|bytes| bytes as u64) }
    }

    /// Whether it may send as this sender, and now.
    ///
    /// # Errors
    /// [`SubmitError::SenderDenied`], [`SubmitError::RateLimited`].
    pub fn sender(&self, sender: Option<&Address>, now: Instant) -> Result<(), SubmitError> {
        let own = |sender: &Address| sender.as_str().eq_ignore_ascii_case(self.mailbox());
        if self.config.sender == SenderPolicy::Reject && sender.is_some_and(|sender| !own(sender)) {
            return Err(SubmitError::SenderDenied(format!("this device sends as {} only", self.mailbox())));
        }
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let room = |window: Window, limit: Option<RateLimit>| limit.is_none_or(|limit| window.has_room(limit, now));
        if room(counts.minute, self.minute) && room(counts.day, self.day) { Ok(()) } else { Err(too_many()) }
    }

    /// Whether it may send to this recipient.
    ///
    /// # Errors
    /// [`SubmitError::RecipientDenied`].
    pub fn recipient(&self, recipient: &Recipient) -> Result<(), SubmitError> {
        let (address, domain) = (recipient.address.as_str(), recipient.address.domain().unwrap_or_default());
        let fits = |entry: &String| {
            let compared = if entry.contains('@') { address } else { domain };
            entry.to_lowercase() == compared.to_lowercase()
        };
        if self.config.recipients.is_empty() || self.config.recipients.iter().any(fits) {
            return Ok(());
        }
        Err(SubmitError::RecipientDenied("this device may not send to this recipient".to_owned()))
    }

    /// Counts a message.
    ///
    /// # Errors
    /// [`SubmitError::RateLimited`] if it is one too many.
    pub fn count(&self, now: Instant) -> Result<(), SubmitError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let room = |window: Window, limit: Option<RateLimit>| limit.is_none_or(|limit| window.has_room(limit, now));
        if !(room(counts.minute, self.minute) && room(counts.day, self.day)) {
            return Err(too_many());
        }
        // Both have room, so both count.
        let _ = self.minute.is_none_or(|limit| counts.minute.take(limit, now));
        let _ = self.day.is_none_or(|limit| counts.day.take(limit, now));
        Ok(())
    }

    /// Notes what became of a message.
    pub fn note(&self, is_sent: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Some(SystemTime::now());
        if is_sent {
            counts.sent.messages += 1;
            counts.sent.last = now;
        } else {
            counts.sent.failed = now;
        }
    }

    /// What it has sent.
    pub fn sent(&self) -> Sent {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).sent
    }

    /// What is done to the headers of its messages.
    pub fn header_rule(&self) -> HeaderRule {
        HeaderRule { mailbox: self.config.mailbox.clone(), sender: self.config.sender }
    }
}

impl fmt::Debug for Device {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", &self.name()).field("mailbox", &self.mailbox()).finish_non_exhaustive()
    }
}

fn too_many() -> SubmitError {
    SubmitError::RateLimited("this device has sent too many messages, try again later".to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::*;

    /// A device with the password `secret` and these further settings.
    pub fn device(settings: &str) -> Device {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"secret\n").expect("written");
        let path = file.path().display();
        let text =
            format!("name = \"scanner\"\nmailbox = \"Scan@example.test\"\npassword_file = \"{path}\"\n{settings}");
        let text = text.replace("PATH", &path.to_string());
        Device::new("smtp.device[0]", &toml::from_str(&text).expect("well-formed")).expect("readable")
    }

    fn address(text: &str) -> Address {
        Address::new_checked(text.to_owned())
    }

    #[test]
    fn passwords_come_from_files_and_are_not_shown() {
        let device = device("user = \"scan\"\nuser_password_file = \"PATH\"");
        assert!(matches!(device.proof(), Proof::Password(password) if password.now().0.expose_secret() == "secret"));
        assert_eq!(device.user_password().map(ExposeSecret::expose_secret), Some("secret"));
        assert!(!format!("{device:?}").contains("secret"));
        let missing = "name = \"x\"\nmailbox = \"x@y\"\npassword_file = \"/nonexistent/p\"";
        let error = Device::new("smtp.device[0]", &toml::from_str(missing).expect("well-formed")).expect_err("missing");
        assert!(error.to_string().starts_with("smtp.device[0].password_file: /nonexistent/p: "), "{error}");
        let unset = "name = \"x\"\nmailbox = \"x@y\"\npassword_env = \"NOT_SET_ANYWHERE\"";
        let error = Device::new("smtp.device[0]", &toml::from_str(unset).expect("well-formed")).expect_err("unset");
        assert!(error.to_string().starts_with("smtp.device[0].password_env: NOT_SET_ANYWHERE: "), "{error}");
    }

    #[test]
    fn senders() {
        let now = Instant::now();
        let reject = device("networks = [\"192.0.2.7\"]\nsender = \"reject\"");
        assert!(reject.sender(None, now).is_ok() && reject.sender(Some(&address("scan@Example.test")), now).is_ok());
        assert!(matches!(reject.sender(Some(&address("root")), now), Err(SubmitError::SenderDenied(_))));
        let rewrite = device("networks = [\"192.0.2.7\"]");
        assert!(rewrite.sender(Some(&address("root")), now).is_ok());
    }

    #[test]
    fn recipients() {
        let device = device("networks = [\"192.0.2.7\"]\nrecipients = [\"example.org\", \"Boss@else.test\"]");
        let allowed = |text: &str| device.recipient(&Recipient::new(address(text))).is_ok();
        assert!(allowed("a@Example.ORG") && allowed("boss@else.test"));
        assert!(!allowed("a@sub.example.org") && !allowed("b@else.test") && !allowed("example.org@evil.test"));
    }

    #[test]
    fn limits_of_minute_and_day() {
        let device = device("networks = [\"192.0.2.7\"]\nmessages_per_minute = 2\nmessages_per_day = 3");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(device.count(at(0)).is_ok() && device.count(at(1)).is_ok());
        assert!(matches!(device.sender(None, at(2)), Err(SubmitError::RateLimited(_))) && device.count(at(2)).is_err());
        assert!(device.sender(None, at(60)).is_ok() && device.count(at(60)).is_ok());
        assert!(device.count(at(61)).is_err() && device.count(at(3600)).is_err(), "three a day");
        assert!(device.count(at(24 * 3600)).is_ok());
    }
}
