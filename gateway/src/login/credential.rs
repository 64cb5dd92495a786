use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Tells whether a password (or access token) is one that the upstream accepted lately, without keeping the password for it: what is kept
/// is an HMAC under a key that dies with the process.
pub struct AcceptedPasswords {
    key: [u8; 32],
    lifetime: Duration,
}

/// The proof that the upstream accepted a password at a time.
#[derive(Clone)]
pub struct Accepted {
    tag: [u8; 32],
    at: Instant,
}

impl AcceptedPasswords {
    /// Passwords are accepted without asking again for `lifetime`.
    pub fn new(lifetime: Duration) -> Self {
        Self { key: rand::random(), lifetime }
    }

    /// Remembers that the upstream accepted `password` for `user` at `now`.
    pub fn accept(&self, user: &str, password: &SecretString, now: Instant) -> Accepted {
        Accepted { tag: self.tag(user, password), at: now }
    }

    /// Whether `password` is the accepted one, however long ago. Takes the same time wherever they differ.
    pub fn is_same(&self, accepted: &Accepted, user: &str, password: &SecretString) -> bool {
        self.tag(user, password).ct_eq(&accepted.tag).into()
    }

    /// Whether the proof is of use still.
    pub fn is_recent(&self, accepted: &Accepted, now: Instant) -> bool {
        now.saturating_duration_since(accepted.at) < self.lifetime
    }

    /// Stands for a user and password within this process.
    pub fn tag(&self, user: &str, password: &SecretString) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(user.as_bytes());
        mac.update(&[0]);
        mac.update(password.expose_secret().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_of_the_same_user_within_the_lifetime() {
        let cache = AcceptedPasswords::new(Duration::from_secs(60));
        let now = Instant::now();
        let accepted = cache.accept("alice", &"demo".into(), now);
        assert!(cache.is_recent(&accepted, now + Duration::from_secs(59)));
        assert!(!cache.is_recent(&accepted, now + Duration::from_secs(60)));
        assert!(cache.is_same(&accepted, "alice", &"demo".into()));
        assert!(!cache.is_same(&accepted, "alice", &"Demo".into()));
        assert!(!cache.is_same(&accepted, "bob", &"demo".into()));
    }
}
