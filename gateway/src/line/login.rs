use std::path::PathBuf;

use secrecy::SecretString;

/// Who logs in.
pub struct Login {
    pub(crate) user: String,
    pub(crate) proof: Proof,
    /// The configuration names the mailbox, so that it need not be the own one of who signs in.
    pub(crate) configured: bool,
}

/// What proves who logs in.
#[derive(Clone)]
pub(crate) enum Proof {
    Password(SecretString),
    Token(SecretString),
    Tickets(TicketFile),
}

/// What a mailbox is opened with instead of a password, by Kerberos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketFile {
    /// A keytab with the keys of the mailbox's owner.
    Keytab(PathBuf),
    /// A credential cache with tickets of the mailbox's owner, which somebody else keeps fresh.
    CredentialCache(PathBuf),
}

impl Login {
    /// `user` as the client sent it.
    pub fn new(user: &str, password: SecretString) -> Self {
        Self { user: user.trim().to_owned(), proof: Proof::Password(password), configured: false }
    }

    /// `user` as the configuration has it, with a file that the configuration names.
    pub fn with_tickets(user: &str, file: TicketFile) -> Self {
        Self { user: user.trim().to_owned(), proof: Proof::Tickets(file), configured: true }
    }

    /// `user` as the client claims it, with an access token: the upstream decides whether it is this user's.
    pub fn with_token(user: &str, token: SecretString) -> Self {
        Self { user: user.trim().to_owned(), proof: Proof::Token(token), configured: false }
    }

    /// [`Login::with_token`] to a mailbox that the configuration names.
    pub fn to_configured(user: &str, token: SecretString) -> Self {
        Self { configured: true, ..Self::with_token(user, token) }
    }
}
