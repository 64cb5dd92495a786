use std::net::IpAddr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Device, default_gateways, problems};
use crate::config::{ConfigError, DeviceConfig, SmtpConfig};

/// All devices of a configuration.
#[derive(Debug, Default)]
pub struct Devices(Vec<Arc<Device>>);

impl Devices {
    /// Checks the devices against this machine and reads their passwords.
    ///
    /// # Errors
    /// Every problem found, each with its key and what is expected there.
    pub fn new(smtp: &SmtpConfig) -> Result<Self, ConfigError> {
        Self::after(smtp, &Self::default())
    }

    /// The same where there were `older` devices: those that still are there go on with what they have sent and with their
    /// tokens.
    ///
    /// # Errors
    /// As [`Devices::new`].
    pub fn after(smtp: &SmtpConfig, older: &Self) -> Result<Self, ConfigError> {
        let mut problems = problems(smtp, &default_gateways());
        if !problems.is_empty() {
            return Err(if problems.len() == 1 { problems.remove(0) } else { ConfigError::Several(problems) });
        }
        let device = |(position, config): (usize, &DeviceConfig)| {
            let mut device = Device::new(&format!("smtp.device[{position}]"), config)?;
            if let Some(old) = older.0.iter().find(|old| old.name() == config.name) {
                device.go_on_from(old);
            }
            Ok(Arc::new(device))
        };
        smtp.device.iter().enumerate().map(device).collect::<Result<_, _>>().map(Self)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.0.iter()
    }

    /// The device in whose networks the address is; of several the one with the narrowest network.
    pub fn at(&self, address: IpAddr) -> Option<&Arc<Device>> {
        let prefix = |device: &Arc<Device>| {
            device.networks().filter(|network| network.contains(address)).map(|network| network.prefix()).max()
        };
        self.0
            .iter()
            .filter_map(|device| Some((prefix(device)?, device)))
            .max_by_key(|(prefix, _)| *prefix)
            .map(|it| it.1)
    }

    /// Whether some devices log in with a name and password of their own.
    pub fn have_users(&self) -> bool {
        self.0.iter().any(|device| device.user().is_some())
    }

    /// The device that logs in with this name, and whether the password is its own; `None` if no device has the name.
    pub fn login(&self, user: &str, password: &SecretString) -> Option<(&Arc<Device>, bool)> {
        let name = user.trim().to_lowercase();
        let device = self.0.iter().find(|device| device.user().is_some_and(|user| user.to_lowercase() == name))?;
        // Digests are of one length, so comparing them tells nothing, not even how long the password is.
        let digest = |password: &SecretString| Sha256::digest(password.expose_secret().as_bytes());
        let same = device.user_password().is_some_and(|own| digest(own).ct_eq(&digest(password)).into());
        Some((device, same))
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::tests::device;
    use super::*;

    #[test]
    fn the_narrowest_network_decides() {
        let devices = Devices(vec![
            Arc::new(device("networks = [\"192.0.2.0/24\", \"2001:db8::/64\"]")),
            Arc::new(device("networks = [\"192.0.2.7\"]\nmessages_per_day = 5")),
        ]);
        let at = |text: &str| devices.at(text.parse().expect("an address")).map(Arc::as_ptr);
        assert_eq!(at("192.0.2.7"), Some(Arc::as_ptr(&devices.0[1])));
        assert_eq!(at("::ffff:192.0.2.8"), Some(Arc::as_ptr(&devices.0[0])));
        assert_eq!(at("2001:db8::5"), Some(Arc::as_ptr(&devices.0[0])));
        assert_eq!(at("192.0.3.7"), None);
    }

    #[test]
    fn users_are_known_by_name_and_password() {
        let devices = Devices(vec![
            Arc::new(device("networks = [\"192.0.2.0/24\"]")),
            Arc::new(device("user = \"Scan\"\nuser_password_file = \"PATH\"")),
        ]);
        let login = |user: &str, password: &str| devices.login(user, &password.into()).map(|(_, same)| same);
        assert_eq!(login("scan", "secret"), Some(true));
        assert_eq!(login("scan", "secret2"), Some(false));
        assert_eq!(login("scan", ""), Some(false));
        assert_eq!(login("alice@example.test", "secret"), None);
    }
}
